"""The keys that every destination has."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason
from kwatch.model.rules import Severity
from kwatch.notify.base import ChannelConfig, Secret, parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("7d", timedelta(days=7)),
    ],
)
def test_durations_are_words(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "10", 10, 1.5, None, "10 m", "m", "1m1h", "-1s", True])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_the_defaults() -> None:
    config = ChannelConfig(type="stdout")
    assert (config.severity, config.send_resolved, config.timezone) == (Severity.INFO, True, "UTC")
    assert config.timeout == timedelta(seconds=30)


@pytest.mark.parametrize(
    "keys",
    [
        {"severity": "fatal"},
        {"severity": 2.5},
        {"timezone": "Mars/Base"},
        {"timezone": "../etc/passwd"},
        {"proxy": "socks5://proxy"},
        {"ca": "/does/not/exist.pem"},
        {"template": {"body": "x"}},
        {"template": {"title": "{{ open"}},
        {"timeout": "0s"},
        {"concurrency": 0},
        {"concurrency": 65},
        {"concurrency": "4"},
        {"pace": 3},
    ],
)
def test_wrong_values_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChannelConfig.model_validate({"type": "stdout", **keys})


def test_a_secret_is_read_as_it_is_now(tmp_path: Path) -> None:
    secret = Secret(file=tmp_path / "token")
    (tmp_path / "token").write_text("first\n")
    assert secret.read() == "first"
    (tmp_path / "token").write_text("second\n")
    assert secret.read() == "second"
    assert "second" not in repr(secret)


def test_a_secret_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWATCH_TEST_TOKEN", "t$1^{{ x }}")
    assert Secret(env="KWATCH_TEST_TOKEN").read() == "t$1^{{ x }}"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_an_unusable_secret_suspends_the_destination(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(PermanentSendError) as raised:
        Secret(file=tmp_path / "token").read()
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)
