"""What an alert rests on: what its rule asks for, and the key by which the rule names it.

A rule may be another after a reload, or after a restart. What it then says of an object that was wrong by the old one
is no word on whether that object is healthy.
"""

from hashlib import sha256

import msgspec

from kwatch.alerts.records import Alert
from kwatch.model.findings import Truth
from kwatch.model.identity import fingerprint
from kwatch.model.matching import kinds_of
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Rule

_ENCODER = msgspec.json.Encoder(order="deterministic")


def premise_of(rule: Rule) -> str:
    """Name what a rule looks for, what ends it, and how it names that, shortly."""
    asked = (rule.on, rule.mode, rule.match, rule.then, rule.resolve, rule.key)
    return sha256(_ENCODER.encode(asked)).hexdigest()[:16]


def is_named_by(alert: Alert, rule: Rule, cluster: str) -> bool:
    """Return whether the key of a rule would give an alert the fingerprint that it has."""
    if len(alert.key_values) != len(rule.key):
        return False
    return alert.fingerprint == fingerprint(cluster, rule.id, dict(zip(rule.key, alert.key_values, strict=True)))


def is_about(rule: Rule, ref: ObjectRef) -> bool:
    """Return whether a rule asks for objects of this kind."""
    kinds = kinds_of(rule.observed)
    return kinds is None or not kinds.isdisjoint({ref.kind, f"{ref.kind}.{ref.group}"})


def move_to(alert: Alert, premise: str) -> bool:
    """Let an alert rest on what its rule asks for now: what was wrong is so by the old one; return whether it is."""
    was, alert.premise = alert.premise, premise
    is_moved = was not in ("", premise)
    for member in alert.members.values():
        member.is_stale |= is_moved and member.truth is Truth.TRUE
    return is_moved
