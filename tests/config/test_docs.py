"""What users read about the configuration is true: every example loads, every word is explained and shown."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from kwatch.config import schema
from kwatch.config.load import load, pack_names
from kwatch.config.matching import KEYS, Scope
from kwatch.config.receivers import channel_config, channel_types
from kwatch.config.validate import keys_of
from kwatch.notify.base import DigestWords, PaceWords, Secret
from kwatch.notify.heartbeat import HeartbeatWords

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "config.example.yaml"

_FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MODELS: tuple[type[BaseModel], ...] = (
    schema.TopWords,
    schema.StateWords,
    schema.WebWords,
    schema.LogWords,
    schema.WatchWords,
    schema.NamespaceWords,
    schema.RuleWords,
    schema.RateWords,
    schema.ThenWords,
    schema.InhibitWords,
    schema.RouteWords,
    PaceWords,
    DigestWords,
    schema.WindowWords,
    schema.SelfServiceWords,
    HeartbeatWords,
    Secret,
)
_OF_MATCHERS = ("regex", "gt", "ge", "lt", "le", "path", "from", "to", "increased")


def _blocks() -> Iterator[tuple[str, str]]:
    for file in (*ROOT.glob("README.md"), *sorted((ROOT / "docs").glob("*.md"))):
        for number, block in enumerate(_FENCE.findall(file.read_text("utf-8")), start=1):
            if not block.startswith("- "):  # a list is for another program
                yield f"{file.name} {number}", block


_FILE = re.compile(r"(\burl: |)\{file: [^}]+\}")


def _load(text: str, folder: Path) -> None:
    """Load with every secret at hand: files in `folder`, variables set."""
    secret, url = folder / "secret", folder / "url"
    secret.write_text("whsec_c2VjcmV0", "utf-8")
    url.write_text("https://example.com/secret", "utf-8")
    path = folder / "kwatch.yaml"
    path.write_text(_FILE.sub(lambda found: f"{found[1]}{{file: {url if found[1] else secret}}}", text), "utf-8")
    load(path, environ=dict.fromkeys(re.findall(r"\{env: (\w+)\}", text), "https://example.com/secret"))


def _words() -> Iterable[str]:
    models = (*_MODELS, *(channel_config(type_) for type_ in channel_types()))
    words = (*(key for model in models for key in keys_of(model)), *KEYS[Scope.ANY], *_OF_MATCHERS)
    return sorted(set(words))


def test_the_example_loads(tmp_path: Path) -> None:
    _load(EXAMPLE.read_text("utf-8"), tmp_path)


@pytest.mark.parametrize(("name", "block"), tuple(_blocks()))
def test_t15_every_block_of_the_documentation_loads(name: str, block: str, tmp_path: Path) -> None:
    _load(block, tmp_path)


@pytest.mark.parametrize("word", tuple(_words()))
def test_every_word_is_explained(word: str) -> None:
    assert re.search(rf"`{word}`", REFERENCE.read_text("utf-8")), f"{REFERENCE.name} does not explain `{word}`"


@pytest.mark.parametrize("word", tuple(_words()))
def test_every_word_is_shown(word: str) -> None:
    assert re.search(rf"\b{word}: ?", EXAMPLE.read_text("utf-8")), f"{EXAMPLE.name} does not show {word}"


@pytest.mark.parametrize("name", [*pack_names(), *channel_types()])
def test_every_pack_and_channel_is_named(name: str) -> None:
    assert f"`{name}`" in REFERENCE.read_text("utf-8")
