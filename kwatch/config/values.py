"""Values of the YAML that are more than their type: what is refused, and what is made of the rest."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from kwatch.config.paths import parse_path
from kwatch.model.conditions import Path as FieldPath
from kwatch.model.windows import DAY
from kwatch.notify.base import Duration
from kwatch.notify.urls import parse_url
from kwatch.redaction import check_pattern


def _some_text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must be one line, without control characters")
    return value


def _folder(value: object) -> object:
    return _some_text(value) if isinstance(value, str) else value


def _field_path(value: object) -> object:
    return parse_path(value) if isinstance(value, str) else value


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be longer than 0s")
    return value


def _transitions(value: int) -> int:
    if value < 0 or value == 1:
        raise ValueError("must be at least 2 (one begin and one end), or 0 to tell each of them")
    return value


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is named twice")
    return values


def _pattern(value: str) -> str:
    check_pattern(value)
    return value


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise ValueError("write HOST:PORT, as in 127.0.0.1:8080")
    return value


def _public_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in {"http", "https"} or any(c.isspace() for c in value) or "@" in rest.partition("/")[0]:
        raise ValueError("write a URL without a user, as in https://kwatch.example.com")
    parse_url(value)
    return value.rstrip("/")


SomeText = Annotated[str, AfterValidator(_some_text)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Names = Annotated[tuple[SomeText, ...], AfterValidator(_unique)]
SomeTime = Annotated[Duration, AfterValidator(_positive)]
Transitions = Annotated[int, Field(strict=True), AfterValidator(_transitions)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Listen = Annotated[str, AfterValidator(_listen)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
FieldPathText = Annotated[FieldPath, BeforeValidator(_field_path)]

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEAR = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WALL_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


def _wall_time(value: object) -> object:
    found = _WALL_TIME.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, int) or found is None:
        raise ValueError("must be a time of day: write HH:MM, as in 22:00")
    return DAY if found[1] is None else int(found[1]) * 60 + int(found[2])


def _start(value: int) -> int:
    if value == DAY:
        raise ValueError("24:00 is the end of a day: write 00:00")
    return value


def _some(values: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    if not values:
        raise ValueError("must not be empty")
    return values


def _days(value: object) -> object:
    found = _range_of(value, WEEK)
    if found is None:
        raise ValueError("must be a day or a range: mon, tue, wed, thu, fri, sat, sun, or mon-fri")
    return found


def _months(value: object) -> object:
    found = _range_of(YEAR[value - 1] if type(value) is int and 1 <= value <= 12 else value, YEAR)
    if found is None:
        raise ValueError("must be a month or a range: jan, feb …, dec, jan-mar, or a number from 1 to 12")
    return tuple(month + 1 for month in found)


def _range_of(value: object, words: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return the numbers of a word or of a range of words, which may go over the end; None for what is neither."""
    first, dash, last = value.lower().partition("-") if isinstance(value, str) else ("", "", "")
    if first not in words or (last if dash else first) not in words:
        return None
    begin, end = words.index(first), words.index(last if dash else first)
    return tuple((begin + step) % len(words) for step in range((end - begin) % len(words) + 1))


def _month_days(value: object) -> object:
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    if type(value) is int and 1 <= abs(value) <= 31:
        return (value,)
    if dash and first.isdecimal() and last.isdecimal() and 1 <= int(first[:3]) <= int(last[:3]) <= 31:
        return tuple(range(int(first), int(last) + 1))
    raise ValueError("must be a day of the month: 1 to 31, -1 to -31 from its end, or a range as 1-7")


WallTime = Annotated[int, BeforeValidator(_wall_time)]
StartTime = Annotated[WallTime, AfterValidator(_start)]
Days = Annotated[tuple[Annotated[tuple[int, ...], BeforeValidator(_days)], ...], AfterValidator(_some)]
Months = Annotated[tuple[Annotated[tuple[int, ...], BeforeValidator(_months)], ...], AfterValidator(_some)]
MonthDays = Annotated[tuple[Annotated[tuple[int, ...], BeforeValidator(_month_days)], ...], AfterValidator(_some)]
