"""The log's formats, what is stripped from it, what is redacted."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from kwatch.redaction import Redactor
from kwatch.telemetry import (
    Counters,
    JsonFormatter,
    LogFormat,
    TextFormatter,
    set_up_logging,
    strip_controls,
)

AT = datetime(2026, 3, 1, 9, 33, 36, tzinfo=UTC).timestamp()


def record(message: str, **extra: object) -> logging.LogRecord:
    fields = {"msg": message, "name": "kwatch.watch", "levelno": 30, "levelname": "WARNING", "created": AT}
    return logging.makeLogRecord({**fields, **extra})


def test_counters_keep_series_apart_by_label_values() -> None:
    counters = Counters()
    counters.add("deliveries", destination="a")
    counters.add("deliveries", 2, destination="b")
    counters.add("deliveries", destination="a")
    assert counters.read() == {
        ("deliveries", (("destination", "a"),)): 2,
        ("deliveries", (("destination", "b"),)): 2,
    }


def test_text_shows_the_extras_after_the_message() -> None:
    line = TextFormatter(Redactor()).format(record("list failed", source="v1/pods", error="timed out", attempts=3))
    assert line == '09:33:36 warning list failed  source=v1/pods error="timed out" attempts=3'


def test_text_stays_on_one_line() -> None:
    """A line break in a value must not look like a further log line."""
    line = TextFormatter(Redactor()).format(record("said\n09:33:36 error forged", reply="a\nb"))
    assert line == '09:33:36 warning said 09:33:36 error forged  reply="a\\nb"'


def test_json_holds_every_extra_beside_the_fixed_fields() -> None:
    line = JsonFormatter(Redactor()).format(record("list failed", source="v1/pods", names=("a", "b")))
    assert json.loads(line) == {
        "source": "v1/pods",
        "names": ["a", "b"],
        "time": "2026-03-01T09:33:36.000+00:00",
        "level": "warning",
        "logger": "kwatch.watch",
        "message": "list failed",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://evil\x1b\\link", "alink"),
        ("a\x1bPq..\x1b\\b", "ab"),
        ("a\x1b7b", "ab"),
        ("end\x1b", "end"),
        ("open\x1b]0;never closed", "open"),
        ("bell\x07 back\x08 null\x00", "bell back null"),
        ("pod-\u202egnp.exe", "pod-gnp.exe"),
        ("half \ud83d pair", "half  pair"),
        ("tab\tand\nline stay, as does 中文 ✓", "tab\tand\nline stay, as does 中文 ✓"),
    ],
    ids=range(12),
)
def test_x_16_escape_sequences_and_controls_are_stripped(text: str, expected: str) -> None:
    assert strip_controls(text) == expected


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
def test_x_16_no_escape_reaches_the_log(formatter: type[TextFormatter | JsonFormatter]) -> None:
    line = formatter(Redactor()).format(record("hi \x1b[2J", reply="\x1b[31mno", nested={"k": ["\x1b[1mx"]}))
    assert "\x1b" not in line
    assert "u001b" not in line


def test_x_11_a_secret_that_was_read_is_redacted_wherever_it_stands() -> None:
    redactor = Redactor()
    redactor.heed((), ["canary-value-1\n"])
    try:
        int("https://example.com/canary-value-1/x")
    except ValueError:
        logged = record("sent canary-value-1", reply={"canary-value-1": ["canary-value-1"]}, exc_info=sys.exc_info())
    for formatter in (TextFormatter(redactor), JsonFormatter(redactor)):
        line = formatter.format(logged)
        assert "canary" not in line
        assert line.count("[redacted]") >= 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("kwatch")
    handlers, levels = root.handlers, (root.level, own.level)
    yield
    logging.captureWarnings(capture=False)
    root.handlers = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize(
    ("style", "stream", "starts"),
    [
        (LogFormat.AUTO, Terminal(), "0123456789"),
        (LogFormat.AUTO, io.StringIO(), "{"),
        (LogFormat.TEXT, io.StringIO(), "0123456789"),
        (LogFormat.JSON, Terminal(), "{"),
    ],
)
def test_auto_means_text_on_a_terminal_and_json_otherwise(style: LogFormat, stream: io.StringIO, starts: str) -> None:
    set_up_logging(level="info", style=style, stream=stream, redactor=Redactor())
    logging.getLogger("kwatch.app").info("started")
    assert stream.getvalue()[0] in starts


@pytest.mark.usefixtures("_logging_restored")
def test_libraries_speak_from_warning_on() -> None:
    """Some of them write whole URLs at info."""
    stream = io.StringIO()
    set_up_logging(level="debug", style=LogFormat.TEXT, stream=stream, redactor=Redactor())
    logging.getLogger("httpx").info("HTTP Request: POST https://example.com/secret-path")
    logging.getLogger("kwatch.notify").debug("sent")
    assert [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()] == ["debug   sent"]
