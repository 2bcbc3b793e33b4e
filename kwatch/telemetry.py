"""Counters that cost nothing to increase, and the log: its formats, its cleaning, its redaction.

Counters are plain integers; `kwatch.web` shows them as Prometheus metrics. Whatever may happen often is a counter
first. Log lines carry text that strangers wrote (Event messages, names, replies of receivers), so every value is
cleaned of control characters and of secrets before it is formatted.
"""

import json
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TextIO

from kwatch.redaction import Redactor

#: A metric's name and its label pairs, sorted by label name.
Series = tuple[str, tuple[tuple[str, str], ...]]
#: The upper bounds of a histogram's buckets, in seconds.
BUCKETS = (0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, math.inf)
#: The label of a bucket's bound, and what the name of a histogram's sum, in milliseconds, ends in.
BOUND, SUM = "le", "_sum_ms"


class Counters:
    """Integers that only grow, by name and labels. Labels are closed sets or names from the configuration."""

    def __init__(self) -> None:
        self._values: Counter[Series] = Counter()

    def add(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Increase a counter; `name` as in `docs/metrics.md`, without the `kwatch_` prefix and `_total`."""
        pairs = labels.items()
        self._values[name, tuple(sorted(pairs) if len(pairs) > 1 else pairs)] += amount

    def measure(self, name: str, seconds: float, /, **labels: str) -> None:
        """Count a duration into the one bucket of a histogram that it falls into."""
        bound = next(bound for bound in BUCKETS if seconds <= bound)
        self.add(name, **labels, **{BOUND: f"{bound:g}"})
        self.add(f"{name}{SUM}", round(seconds * 1000), **labels)

    def read(self) -> dict[Series, int]:
        """Return a copy of all values."""
        return dict(self._values)


class LogFormat(Enum):
    """How log lines are written. AUTO: text on a terminal, JSON otherwise."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


#: Escape sequences of terminals: CSI, then OSC, DCS, PM, APC and SOS with their text, then the two-character ones.
_ESCAPE_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|\Z)|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
#: Other control characters, bidirectional overrides, and lone surrogates, which no output could encode.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[\t\r\n]+")


def strip_controls(text: str) -> str:
    """Return `text` without escape sequences and control characters; tabs and line breaks stay."""
    return _CONTROLS.sub("", _ESCAPE_SEQUENCES.sub("", text))


#: What every record has; anything else came through `extra`.
_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class _Formatter(logging.Formatter):
    """What both formats share: the facts of a record, cleaned."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def _clean(self, text: str) -> str:
        return self._redactor.clean(strip_controls(text))

    def _plain(self, value: object) -> Any:
        """Reduce a value to what JSON knows, with every text in it cleaned."""
        match value:
            case None | bool() | int() | float():
                return value
            case Enum():
                return self._plain(value.value)
            case Mapping():
                return {self._clean(str(key)): self._plain(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._plain(item) for item in value]
            case _:
                return self._clean(str(value))

    def _extras(self, record: logging.LogRecord) -> dict[str, Any]:
        return {name: self._plain(value) for name, value in vars(record).items() if name not in _RECORD_FIELDS}

    def _traceback(self, record: logging.LogRecord) -> str:
        return self._clean(self.formatException(record.exc_info)) if record.exc_info else ""


class TextFormatter(_Formatter):
    """`09:33:36 warning list failed  source=v1/pods error="timed out"`: one line, in UTC; a traceback follows it."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        message = _LINE_BREAKS.sub(" ", self._clean(record.getMessage()))
        pairs = "".join(f" {name}={_word(value)}" for name, value in self._extras(record).items())
        line = f"{at:%H:%M:%S} {record.levelname.lower():7} {message}{' ' if pairs else ''}{pairs}"
        return "\n".join(filter(None, (line, self._traceback(record))))


class JsonFormatter(_Formatter):
    """One JSON object a line: the record's extras, and `time`, `level`, `logger`, `message`, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            **self._extras(record),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._clean(record.getMessage()),
        }
        if traceback := self._traceback(record):
            fields["traceback"] = traceback
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _word(value: object) -> str:
    """Show a value so that spaces and quotes in it cannot be taken for the next pair."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    needs_quotes = not text or not text.isprintable() or any(mark in text for mark in ' "=')
    return json.dumps(text, ensure_ascii=False) if needs_quotes and isinstance(value, str) else text


def set_up_logging(*, level: str, style: LogFormat, stream: TextIO, redactor: Redactor) -> None:
    """Send all log records to `stream`: kwatch's own from `level` (debug, info, …), libraries' from warning.

    Libraries speak from warning on because some of them (httpx) write whole URLs at info.
    """
    is_text = style is LogFormat.TEXT or (style is LogFormat.AUTO and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter(redactor) if is_text else JsonFormatter(redactor))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("kwatch").setLevel(level.upper())
    logging.captureWarnings(capture=True)
