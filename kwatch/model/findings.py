"""One rule's word on one observation."""

from collections.abc import Mapping
from datetime import datetime
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


class Finding(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What rule says what of which object, since when.

    `member` is the object that the alert is about (for Events: the regarding object). `since_at` is when the truth
    began by the object's own word (a condition's transition, an occurrence's time), else when it was received.
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
    message: str = ""  # of the Event, or of the condition; untrusted text
    is_varied: bool = False  # the message stands for others that were similar
    details: Mapping[str, str] = {}
    contribution: Contribution | None = None
    is_initial: bool = False  # from the first list after a start
    expected_until: datetime | None = None  # the member ends as it should: what is wrong with it is expected until then
