"""What the engine keeps as rows, and back."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from kwatch.alerts.records import Alert, GroupRow
from kwatch.model.decisions import Row, Table
from kwatch.model.silences import Silence

_ENCODER = msgspec.json.Encoder()
_ALERT = msgspec.json.Decoder(Alert)
_GROUP: msgspec.json.Decoder[GroupRow] = msgspec.json.Decoder(GroupRow)
_SILENCE = msgspec.json.Decoder(Silence)

_Kind = TypeVar("_Kind")


class Kept:
    """What was kept, each where it belongs."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.silences: list[Silence] = []
        self.groups: list[GroupRow] = []

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """Return what is of one kind, of all that the groups' table holds."""
        return [kept for kept in self.groups if isinstance(kept, kind)]


def read_rows(rows: Iterable[Row]) -> Kept:
    """Return what was kept."""
    kept = Kept()
    for row in rows:
        if row.body is None:
            continue
        if row.table is Table.ALERTS:
            kept.alerts.append(_ALERT.decode(row.body))
        elif row.table is Table.GROUPS:
            kept.groups.append(_GROUP.decode(row.body))
        elif row.table is Table.SILENCES:
            kept.silences.append(_SILENCE.decode(row.body))
    return kept


def row_of(table: Table, key: str, kept: Alert | GroupRow | Silence | None) -> Row:
    """Return the row of something; None: it is not kept any more."""
    return Row(table, key, None if kept is None else _ENCODER.encode(kept))
