"""The engine's memory as rows, and back."""

from collections.abc import Iterable

import msgspec

from kwatch.alerts.records import Alert, GroupRow
from kwatch.model.decisions import Row, Table
from kwatch.model.silences import Silence

_ENCODER = msgspec.json.Encoder()
_ALERT = msgspec.json.Decoder(Alert)
_GROUP: msgspec.json.Decoder[GroupRow] = msgspec.json.Decoder(GroupRow)
_SILENCE = msgspec.json.Decoder(Silence)


def read_rows(rows: Iterable[Row]) -> tuple[list[Alert], list[GroupRow], list[Silence]]:
    """Return what was kept."""
    alerts: list[Alert] = []
    groups: list[GroupRow] = []
    silences: list[Silence] = []
    for row in rows:
        if row.body is None:
            continue
        if row.table is Table.ALERTS:
            alerts.append(_ALERT.decode(row.body))
        elif row.table is Table.GROUPS:
            groups.append(_GROUP.decode(row.body))
        elif row.table is Table.SILENCES:
            silences.append(_SILENCE.decode(row.body))
    return alerts, groups, silences


def row_of(table: Table, key: str, kept: Alert | GroupRow | Silence | None) -> Row:
    """Return the row of something; None: it is not kept any more."""
    return Row(table, key, None if kept is None else _ENCODER.encode(kept))
