"""The engine's memory: every part takes back the rows that are its own, and says what is in one that has changed."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from kwatch.alerts.episodes import Moved
from kwatch.alerts.parts import Parts
from kwatch.alerts.records import (
    Annotated,
    DigestEntry,
    DigestPeriod,
    Group,
    IncidentNumbers,
    LimitsTold,
    NoticeBatch,
    PlannedChange,
    UntoldNotice,
    Watched,
)
from kwatch.alerts.rows import read_rows, row_of
from kwatch.model.decisions import IncidentRow, Row, Table


class Memory:
    """Fills the parts of an engine from rows, and says what is in those that changed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._keepers = (
            parts.groups.row,
            parts.notices.row,
            parts.planned.row,
            parts.digests.row,
            parts.announcer.row,
            parts.sight.row,
            parts.limits.row,
            parts.annotations.row,
        )

    def restore(
        self, rows: Iterable[Row], incidents: Iterable[IncidentRow], started_at: datetime, *, is_first: bool
    ) -> Moved:
        """Take back what was kept; return what has ended because nobody asks for it any more."""
        parts, kept = self._parts, read_rows(rows)
        parts.announcer.load(kept.of(IncidentNumbers))
        parts.limits.load(kept.of(LimitsTold))
        parts.sight.load(kept.of(Watched), started_at, is_first=is_first)
        parts.inhibitor.load(kept.alerts)
        parts.annotations.load(kept.of(Annotated))
        parts.edges.load(kept.silences, started_at)
        moved = parts.book.load(kept.alerts, started_at)
        parts.escalations.load(parts.register.alerts.values())
        parts.planned.load(kept.of(PlannedChange))
        parts.membership.load(kept.of(Group), incidents, started_at)
        parts.digests.load(kept.of(DigestPeriod), kept.of(DigestEntry), started_at)
        parts.notices.load(kept.of(NoticeBatch), kept.of(UntoldNotice), started_at)
        parts.escalations.review(started_at)
        parts.escalations.use(parts.register.alerts.values(), started_at)
        return moved

    def changed_rows(self) -> Iterator[Row]:
        """Yield every row that is not as it was written last."""
        parts, ledger = self._parts, self._parts.ledger
        for silence_id in ledger.dirty_silences:
            yield row_of(Table.SILENCES, silence_id, parts.silences.get(silence_id))
        for fingerprint in ledger.dirty_alerts:
            yield row_of(Table.ALERTS, fingerprint, parts.register.alerts.get(fingerprint))
        for key in ledger.dirty_groups:
            found = (keeper(key) for keeper in self._keepers)
            yield row_of(Table.GROUPS, key, next((kept for kept in found if kept is not None), None))
