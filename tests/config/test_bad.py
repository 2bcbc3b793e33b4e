"""Wrong configurations: each file of `bad/` has its problems beside it, all of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.config.load import load
from kwatch.errors import ConfigError, PermanentSendError
from kwatch.notify.base import Secret

BAD = Path(__file__).parent / "bad"
ENVIRON = {"TOKEN": "xoxb-1", "EMPTY": " ", "NO_URL": "ftp://example.com/hunter2"}


@pytest.mark.parametrize("name", sorted(file.stem for file in BAD.glob("*.yaml")))
def test_every_problem_is_listed_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(ConfigError) as caught:
        load(Path(f"{name}.yaml"), environ=ENVIRON)
    assert "\n".join(caught.value.problems) + "\n" == Path(f"{name}.txt").read_text("utf-8")


def test_no_problem_repeats_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    for name in ("secrets.yaml", "destinations.yaml"):
        with pytest.raises(ConfigError) as caught:
            load(Path(name), environ=ENVIRON)
        assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("nowhere.yaml"), environ={})
    assert caught.value.problems == ("nowhere.yaml:1:1: cannot be read: No such file or directory",)


def test_a_file_that_is_not_utf8_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "latin1.yaml"
    path.write_bytes(b"# one\ncluster: caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.problems == (f"{path}:2:1: not UTF-8",)


def test_deep_nesting_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("route: " + "{routes: [" * 30, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.problems == (f"{path}:1:199: nested deeper than 40 levels",)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["a pipe", "a device"])
def test_a_secret_is_in_a_file_that_ends(tmp_path: Path, make: Callable[[Path], None]) -> None:
    secret, path = tmp_path / "secret", tmp_path / "kwatch.yaml"
    make(secret)
    path.write_text("receivers: {team: [{type: webhook, url: {file: %s}}]}\n" % secret, "utf-8")  # noqa: UP031 - braces
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.problems == (f"{path}:1:41: the secret file {secret} cannot be read: not a file",)
    with pytest.raises(PermanentSendError, match="is absent, empty or unreadable"):
        Secret(file=secret).read()
