"""Whatever stands in a file: a configuration or its problems, never another exception."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch.config.load import load
from kwatch.errors import ConfigError

_FORM = re.compile(r".+:[1-9]\d*:[1-9]\d*: \S.*")

_WORDS = re.findall(
    r"\S+",
    """
cluster state path web listen public_url log level format include watch namespaces include exclude selector resources
labels packs rules name id enabled on match key mode severity rate count within per for resolve resolve_hold
reopen_window expire_after dedup_window on_delete labels annotations details inhibit when mute equal route receiver
group_by group_wait group_interval repeat_interval continue routes receivers type slack smtp stdout webhook url token
file env channel to from host port tls proxy ca timeout template body headers regex gt lt not any fields condition
changed increased reason kind message event resource alert notice crash-loop Pod Node none team critical 5m 0s 1e3 no
true null {{team}} {{ * !a (?= a[ a.b[*].c http://[::1 99999999999d 0 -1 0.5 .nan 127.0.0.1:8080
""",
)

_scalars = st.one_of(
    st.sampled_from(_WORDS),
    st.text(max_size=6),
    st.integers(-5, 10**20),
    st.booleans(),
    st.none(),
)
_keys = st.sampled_from(_WORDS)
_trees = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=5), max_leaves=30
)
_entries = st.lists(st.dictionaries(_keys, _trees, max_size=6), max_size=3)
_files = st.fixed_dictionaries(
    {},
    optional={
        "rules": _entries,
        "inhibit": _entries,
        "route": st.dictionaries(_keys, _trees, max_size=5),
        "receivers": st.dictionaries(_scalars.map(str), _entries | _trees, max_size=3),
        "watch": _trees,
        "include": _trees,
        "packs": _trees,
    },
)


def _problems(content: bytes) -> tuple[str, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kwatch.yaml"
        path.write_bytes(content)
        try:
            load(path, environ={"team": "x"})
        except ConfigError as error:
            return error.problems
    return ()


def _are_placed(problems: tuple[str, ...]) -> bool:
    return all(_FORM.fullmatch(problem) for problem in problems)


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_any_bytes(content: bytes) -> None:
    assert _are_placed(_problems(content))


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=100)
def test_any_text(text: str) -> None:
    assert _are_placed(_problems(text.encode()))


@given(_trees | _files)
@settings(max_examples=200)
def test_any_tree_of_known_words(tree: object) -> None:
    assert _are_placed(_problems(yaml.safe_dump(tree, allow_unicode=True).encode(errors="replace")))
