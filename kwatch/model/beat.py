"""What a beat of the dead-man's switch is decided by: a rule and a route of kwatch's own.

No configuration has to do with it: nothing holds a beat back, and nobody but the switch is told.
"""

from datetime import timedelta
from typing import Final

from kwatch.model.conditions import Text, Word, WordIs
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Mode, Rule, Severity, Subject

#: The name of the rule, of the receiver and of the destination.
BEAT: Final = "kwatch/heartbeat"
#: The kind that the Event is about; no API server has it.
KIND: Final = "KwatchHeartbeat"

DESTINATION: Final = Destination(name=BEAT, receiver=BEAT, type="heartbeat")
ROUTE: Final = Route(receiver=BEAT, group_by=(), group_wait=timedelta(0), repeat_interval=timedelta(0))


def beat_rule(reason: str) -> Rule:
    """Return the rule that matches a beat: an Event of a reason that nobody else knows."""
    return Rule(
        name=BEAT,
        id=BEAT,
        on=Subject.EVENT,
        match=WordIs(Word.REASON, (Text(reason),)),
        key=(),
        mode=Mode.NOTICE,
        severity=Severity.INFO,
        dedup_window=timedelta(0),
    )
