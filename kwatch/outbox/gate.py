"""Whether a destination may be sent to at all: its pause, its suspension, its breaker (spec 3.3). Pure and immutable.

- paused: it asked to wait (429). Nobody knocks before that instant.
- suspended: it refuses everything (401, 404 …). One real notification probes it every 15 min; after 410 none does,
  until a secret of it is another, the configuration is loaded anew, or the next start.
- breaker open: it does not answer. It opens on 5 failures in a row or on half of the last 20, for 30 s doubling to
  5 min; then one notification goes alone, and closes it or opens it again.
All three are kept in memory: a restart asks the destination anew.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Receipt

PACE_BASE: Final = timedelta(seconds=30)
PACE_CEILING: Final = timedelta(hours=1)
PROBE_INTERVAL: Final = timedelta(minutes=15)

IN_A_ROW: Final = 5
WINDOW: Final = 20
OPEN_BASE: Final = timedelta(seconds=30)
OPEN_CEILING: Final = timedelta(minutes=5)


class Breaker(msgspec.Struct, frozen=True):
    """Counts answers; open until `open_until`, then half open, until the one that it lets through has ended."""

    in_a_row: int = 0
    recent: tuple[bool, ...] = ()  # the last 20, True: failed
    openings: int = 0  # in a row, without an answer between them
    open_until: datetime | None = None

    def answered(self) -> "Breaker":
        """The destination answered; while open, that is the end of it."""
        if self.open_until is not None:
            return Breaker()
        return Breaker(recent=(*self.recent, False)[-WINDOW:])

    def failed(self, now: datetime) -> "Breaker":
        """It did not answer, or not sensibly."""
        if self.open_until is not None and now < self.open_until:
            return self  # sent before it opened
        recent = (*self.recent, True)[-WINDOW:]
        in_a_row = self.in_a_row + 1
        is_half_open = self.open_until is not None
        is_bad = in_a_row >= IN_A_ROW or (len(recent) == WINDOW and 2 * sum(recent) >= WINDOW)
        if not is_half_open and not is_bad:
            return Breaker(in_a_row, recent)
        open_for = min(OPEN_CEILING, OPEN_BASE * (1 << min(self.openings, 10)))
        return Breaker(in_a_row, recent, self.openings + 1, now + open_for)


class Gate(msgspec.Struct, frozen=True):
    """One destination's gate; `after` gives the next one."""

    paused_until: datetime | None = None
    pauses: int = 0  # in a row, without a word of how long
    suspended: Reason | None = None
    probe_at: datetime | None = None  # None though suspended: not before it is loaded anew
    breaker: Breaker = Breaker()
    detail: str = ""  # what it said when it refused everything

    def wait(self, now: datetime) -> timedelta | None:
        """Return how long until the next may go, 0 for now; None: not before it is loaded anew."""
        if self.suspended is not None and self.probe_at is None:
            return None
        ends = (self.paused_until, self.probe_at, self.breaker.open_until)
        return max((end - now for end in ends if end is not None and end > now), default=timedelta(0))

    def is_narrow(self) -> bool:
        """Whether only one may go at a time: a probe."""
        return self.suspended is not None or self.breaker.open_until is not None

    def probing(self, now: datetime) -> "Gate":
        """Return the gate when somebody has a reason to ask again."""
        return self if self.suspended is None else msgspec.structs.replace(self, probe_at=now)

    def paused(self, until: datetime) -> "Gate":
        """Return the gate when its service asks to wait until then, whoever asked."""
        return msgspec.structs.replace(self, paused_until=max(until, self.paused_until or until))

    def moved(self, by: timedelta) -> "Gate":
        """Return the gate by a clock that was set."""
        breaker = msgspec.structs.replace(self.breaker, open_until=_moved(self.breaker.open_until, by))
        return msgspec.structs.replace(
            self, paused_until=_moved(self.paused_until, by), probe_at=_moved(self.probe_at, by), breaker=breaker
        )

    def after(self, outcome: Receipt | SendError, now: datetime) -> "Gate":
        """Return the gate after an attempt ended like that."""
        if isinstance(outcome, Receipt):
            return Gate(paused_until=self.paused_until, breaker=self.breaker.answered())
        match outcome.failure:
            case Failure.PACE:
                return self._pause(outcome.retry_after, now)
            case Failure.DESTINATION:
                probe_at = None if outcome.reason is Reason.GONE else now + PROBE_INTERVAL
                return Gate(self.paused_until, suspended=outcome.reason, probe_at=probe_at, detail=outcome.detail)
            case Failure.MESSAGE:
                return Gate(self.paused_until, breaker=self.breaker.answered())
            case Failure.RETRY if outcome.reason is Reason.RECIPIENT:  # the server is well, some mailbox is not
                return Gate(self.paused_until, breaker=self.breaker.answered())
            case Failure.RETRY | Failure.AMBIGUOUS:
                gate = msgspec.structs.replace(self, breaker=self.breaker.failed(now))
                return gate._probe_later(now)

    def _pause(self, retry_after: float | None, now: datetime) -> "Gate":
        if retry_after is None:
            pause, pauses = min(PACE_CEILING, PACE_BASE * (1 << min(self.pauses, 10))), self.pauses + 1
        else:
            pause, pauses = timedelta(seconds=retry_after), 0
        gate = msgspec.structs.replace(self.paused(now + pause), pauses=pauses)
        return gate._probe_later(now)

    def _probe_later(self, now: datetime) -> "Gate":
        """A probe that said nothing of the suspension leaves it as it is."""
        if self.suspended is None or self.probe_at is None:
            return self
        return msgspec.structs.replace(self, probe_at=now + PROBE_INTERVAL)


def _moved(at: datetime | None, by: timedelta) -> datetime | None:
    return None if at is None else at + by
