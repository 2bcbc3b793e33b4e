"""Whether the cluster is seen: what was wrong before kwatch looked is no news; unwatched, nobody knows what fires."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Watched
from kwatch.model.findings import Finding
from kwatch.model.namespaces import Names

#: The key of the row that says until when the cluster was watched, and by which rules.
WATCHED = "watched"


class Sight:
    """What is seen now, until when it certainly was, and by which rules it is judged."""

    def __init__(self, names: Names, ledger: Ledger) -> None:
        self.names = names  # of the namespaces in which is looked
        self.premises: Mapping[str, str] = {}  # of the rules by which what is found is judged, by their ids
        self.is_starting = False  # some source has not been heard since the start
        self.is_first_list = False  # what is found to be wrong already is no news, by whatever rule
        self.is_blind = False  # nobody knows what still fires: repeats and steps of escalations wait
        self._started_at: datetime | None = None
        self._looked_at: datetime | None = None  # when the first was found of what is present
        self._watched = Watched()
        self._ledger = ledger

    def load(self, kept: Iterable[Watched], started_at: datetime, *, is_first: bool) -> None:
        """Begin: nothing is seen yet; `is_first`: nobody has watched this cluster before."""
        self.is_starting = self.is_blind = True
        self.is_first_list = is_first
        self._started_at = None if is_first else started_at
        self._watched = next(iter(kept), self._watched)

    def complete(self) -> bool:
        """Every source has been heard, or given up; return whether this ends a start."""
        self._looked_at = None
        was_starting, self.is_starting, self.is_first_list = self.is_starting, False, False
        if (self._watched.premises, self._watched.names) != (self.premises, self.names):
            self._watched.premises, self._watched.names = dict(self.premises), self.names
            self._ledger.touch_group(WATCHED)
        return was_starting

    def is_present(self, finding: Finding) -> bool:
        """Whether what is found was there before anybody looked: at a first start, or as `is_unseen` says."""
        return finding.is_initial and (self.is_first_list or self.is_unseen(finding))

    def is_unseen(self, finding: Finding) -> bool:
        """Whether nobody has looked there by the rule, as it is now: one is new, the rule or the namespace."""
        namespace, rule_id = finding.member.namespace, finding.rule.id
        is_rule_new = self._watched.premises.get(rule_id) != self.premises.get(rule_id)
        return is_rule_new or (namespace != "" and not self._watched.names.predicate()(namespace))

    def date(self, finding: Finding, now: datetime) -> Finding:
        """Return what was there before anybody looked as begun when the first of it was found, unless it says more.

        So what is to last for the same time is told at the same time.
        """
        if not self.is_present(finding):
            return finding
        self._looked_at = self._looked_at or now
        return msgspec.structs.replace(finding, since_at=min(finding.since_at, self._looked_at))

    def is_late(self, since_at: datetime) -> bool:
        """Whether something began no later than this start, in a cluster that was watched before."""
        return self._started_at is not None and since_at <= self._started_at

    def begun_at(self, now: datetime) -> datetime:
        """Return when what is seen for the first time has begun, at the earliest: it may be while nobody watched."""
        return min(self._watched.until or now, now) if self.is_blind else now

    def row(self, key: str) -> Watched | None:
        """Return what must survive a restart, by the key of its row."""
        return self._watched if key == WATCHED else None

    def note_watched(self, now: datetime, refused: tuple[str, ...]) -> None:
        """Every source is in sync now, but for those that are refused."""
        self._watched.until, self._watched.refused = now, refused
        self._ledger.touch_group(WATCHED)

    @property
    def watched_until(self) -> datetime | None:
        """When that was said last, also before this start."""
        return self._watched.until

    @property
    def refused(self) -> tuple[str, ...]:
        """What was refused then."""
        return self._watched.refused

    def jump(self, by: timedelta) -> None:
        """The clock was set; the start moves only backwards, so that what began before it still did."""
        if self._watched.until is not None:
            self._watched.until += by
        if self._started_at is not None:
            self._started_at += min(by, timedelta(0))
