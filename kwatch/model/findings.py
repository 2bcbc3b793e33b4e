"""One rule's word on one observation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Contribution
from kwatch.model.rules import Rule


class Truth(Enum):
    """Three values: UNKNOWN freezes timers and moves nothing."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class FindingKind(Enum):
    """What the engine has to make of a finding."""

    STATE = "state"  # a level rule's truth on one object
    OCCURRENCE = "occurrence"  # an event rule matched; `contribution` says how often
    EVIDENCE = "evidence"  # an event rule's `resolve` on the object: TRUE ends, FALSE takes the end back
    GONE = "gone"  # the object was deleted
    ABSENT = "absent"  # an event rule matched, and the object was already gone by then


#: Component and host of a recorder, and the uid (else the name) of the object: those that share tokens.
Bucket = tuple[str, str, str]


class Emission(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one emitter last wrote of a member, and from when on its silence says that nothing happens.

    `emitter` names it among those of the member: the recorder, or the Event where each is written by itself.
    """

    emitter: str
    bucket: Bucket | None  # None: it has none
    namespace: str  # where its Events are stored
    told_at: datetime  # when the write was seen
    observable_at: datetime | None  # another occurrence is told at once from then on; None: the watch is out of sync
    over_at: datetime  # a series cannot be said to be over before
    least: timedelta = timedelta(0)  # of quiet, whatever the rule says


class Finding(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What rule says what of which object, since when.

    `member` is the object that the alert is about (for Events: the regarding object). `since_at` is when the truth
    began by the object's own word (a condition's transition, an occurrence's time), else when it was received.
    `broken_at` is when it was last another, by that word, though nobody may have seen it (None: nothing says so).
    `labels` are those of the alert: cluster, rule, severity, kind, namespace, name, workload, node, reason, the rule's
    and the object labels of `watch.labels`. `key_values` are the values of `rule.key`, in its order.
    """

    kind: FindingKind
    rule: Rule
    fingerprint: str
    key_values: tuple[str, ...]
    member: ObjectRef
    truth: Truth
    since_at: datetime
    labels: Mapping[str, str]
    broken_at: datetime | None = None
    message: str = ""  # of the Event, or of the condition; untrusted text
    is_varied: bool = False  # the message stands for others that were similar
    details: Mapping[str, str] = {}
    contribution: Contribution | None = None
    emission: Emission | None = None
    is_initial: bool = False  # from the first list after a start
    is_first: bool = False  # of a sequence: what must come first was seen
    is_second: bool = False  # of a sequence: what must follow was seen

    @property
    def is_last_step(self) -> bool:
        """Whether it is what the alert is about: not what only precedes it."""
        return self.rule.then is None or self.is_second

    expected_until: datetime | None = None  # the member ends as it should: what is wrong with it is expected until then
