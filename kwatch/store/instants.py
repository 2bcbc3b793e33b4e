"""Instants as the file keeps them: whole microseconds since 1970 in UTC. Pure and exact both ways."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return the integer for an aware instant."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the instant for an integer."""
    return _EPOCH + micros * _MICROSECOND
