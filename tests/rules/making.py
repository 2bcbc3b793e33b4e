"""Rules and observations in few words, for the tests of this folder."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kwatch.model.conditions import AllOf, Condition, Path, Text, Word, WordIs
from kwatch.model.objects import ObjectRef, Owner
from kwatch.model.observations import About, Change, KubeEvent, ObjectChange, ObjectState, StatusCondition
from kwatch.model.rules import Rule, Subject

START = datetime(2026, 1, 1, tzinfo=UTC)
POD = ObjectRef("Pod", "web-1", "shop", uid="u-1")
WORKLOAD = "Deployment/web"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def texts(*globs: str) -> tuple[Text, ...]:
    return tuple(map(Text, globs))


def word(word: Word, *globs: str) -> WordIs:
    return WordIs(word, texts(*globs))


def every(*parts: Condition) -> AllOf:
    return AllOf(parts)


def event_rule(name: str, match: Condition, **words: Any) -> Rule:
    key = words.pop("key", ("namespace", "workload", "reason"))
    return Rule(name=name, id=name, on=Subject.EVENT, match=match, key=key, **words)


def resource_rule(name: str, match: Condition, **words: Any) -> Rule:
    return Rule(name=name, id=name, on=Subject.RESOURCE, match=match, **words)


def event(reason: str = "BackOff", *, regarding: ObjectRef = POD, message: str = "", seconds: float = 0) -> KubeEvent:
    return KubeEvent(
        ref=ObjectRef("Event", "web-1.abc", "shop", uid="e-1"),
        regarding=regarding,
        type="Warning",
        reason=reason,
        message=message,
        is_combined=False,
        component="kubelet",
        host="node-1",
        count=1,
        is_series=False,
        first_at=at(seconds),
        last_at=at(seconds),
        resource_version="7",
    )


def state(
    *,
    ref: ObjectRef = POD,
    labels: Mapping[str, str] = {},
    annotations: Mapping[str, str] = {},
    values: Mapping[Path, tuple[str | int | float | bool, ...]] = {},
    conditions: Mapping[str, StatusCondition] = {},
    positions: Mapping[Path, tuple[tuple[int, ...], ...]] = {},
    node: str = "node-1",
) -> ObjectState:
    return ObjectState(
        ref=ref,
        resource_version="1",
        labels=labels,
        annotations=annotations,
        owner=Owner("ReplicaSet", "web-799b", "apps", "u-rs"),
        node=node,
        values=values,
        positions=positions,
        conditions=conditions,
    )


def change(
    now: ObjectState, before: ObjectState | None = None, kind: Change = Change.UPDATED, seconds: float = 0
) -> ObjectChange:
    return ObjectChange(kind, now, before, at(seconds))


def about(now: ObjectState | None) -> About:
    return About(now, WORKLOAD)
