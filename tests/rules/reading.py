"""Packs and recordings as values, for the tests of the rules alone: no parser, no cache, no engine."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import Any

import yaml

from kwatch.model.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    FieldIs,
    Matcher,
    Not,
    Path,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)
from kwatch.model.elements import bind_elements
from kwatch.model.objects import ObjectRef, Resource
from kwatch.model.observations import (
    About,
    Change,
    KubeEvent,
    ObjectChange,
    ObjectState,
)
from kwatch.model.rules import Mode, Rate, Rule, Severity, Subject
from kwatch.rules.compile import RuleSet
from kwatch.rules.needs import Need
from kwatch.watch.extract import Projection, state_of

PACKS = File(__file__).parents[2] / "kwatch" / "rules" / "packs"
RECORDING = File(__file__).parents[1] / "corpus" / "incidents-1.ndjson.gz"


def packs() -> tuple[Rule, ...]:
    """Return the rules of all packs, read with the few words that they use."""
    documents = [yaml.load(file.read_text("utf-8"), yaml.BaseLoader) for file in sorted(PACKS.glob("*.yaml"))]
    return tuple(_rule(each) for document in documents for each in document["rules"])


def _rule(words: Mapping[str, Any]) -> Rule:
    on = Subject(words["on"])
    rate = words.get("rate")
    key = tuple(words["key"]) if "key" in words else ("namespace", "workload")
    if rate is not None:
        key = tuple(rate["per"])
    elif "key" not in words and on is Subject.EVENT:
        key = (*key, "reason")
    return Rule(
        name=words["name"],
        id=words["name"],
        on=on,
        match=bind_elements(_condition(words["match"])),
        key=key,
        mode=Mode(words.get("mode", "alert")),
        severity=Severity[words["severity"].upper()],
        rate=Rate(int(rate["count"]), _duration(rate["within"]), tuple(rate["per"])) if rate else None,
        for_=_duration(words.get("for", "0s")),
        resolve=_condition(words["resolve"]) if "resolve" in words else None,
        annotations=words["annotations"],
        details={name: path_of(path) for name, path in words.get("details", {}).items()},
    )


def _duration(text: str) -> timedelta:
    return timedelta(seconds=int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]])


def _condition(words: Mapping[str, Any]) -> Condition:
    return AllOf(tuple(each for key, value in words.items() for each in _parts(key, value)))


def _parts(key: str, value: Any) -> Iterator[Condition]:
    match key:
        case "any":
            yield AnyOf(tuple(_condition(each) for each in value))
        case "not":
            yield Not(_condition(value))
        case "fields":
            yield from (FieldIs(path_of(path), _texts(asked)) for path, asked in value.items())
        case "condition":
            yield from (StatusConditionIs(kind, _texts(asked)) for kind, asked in value.items())
        case _:
            yield WordIs(Word(key), _texts(value))


def _texts(value: Any) -> tuple[Matcher, ...]:
    if isinstance(value, Mapping) and "gt" in value:
        return (Compare(gt=float(value["gt"])),)
    return tuple(map(Text, [value] if isinstance(value, str) else value))


def path_of(text: str) -> Path:
    return tuple(None if part == "[*]" else part for part in re.findall(r"\[\*\]|[^.\[]+", text))


def read_state(resource: Resource, needs: Mapping[str, Need], body: Mapping[str, Any]) -> ObjectState:
    """Return what is kept of an object for rules with these needs."""
    need = needs.get(resource.kind, Need())
    return state_of(resource, Projection(need.paths, need.annotations, need.elementwise), body)


class Recording:
    """The frames of one recording, as what the rules see of them: events and changes in order, with the seconds."""

    def __init__(self, rules: RuleSet) -> None:
        self._needs = rules.needs()
        self._states: dict[tuple[str, str, str], ObjectState] = {}

    def play(self) -> Iterator[tuple[float, KubeEvent | ObjectChange, About]]:
        began: float | None = None
        with gzip.open(RECORDING, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                began = began if began is not None else record["at"]
                if record["path"] == "/apis/events.k8s.io/v1/events" or record["line"]["type"] == "BOOKMARK":
                    continue
                seen = self._observe(record["line"]["type"], record["line"]["object"], record["at"])
                if seen is not None:
                    yield round(record["at"] - began, 1), *seen

    def _observe(self, type_: str, body: Any, at: float) -> tuple[KubeEvent | ObjectChange, About] | None:
        now = datetime.fromtimestamp(at, UTC)
        if body["kind"] == "Event":
            return None if type_ == "DELETED" else self._event(body, now)
        state = self._state(body)
        key = (state.ref.kind, state.ref.namespace, state.ref.name)
        before = self._states.pop(key, None)
        if type_ != "DELETED":
            self._states[key] = state
        change = {"ADDED": Change.CREATED, "MODIFIED": Change.UPDATED, "DELETED": Change.DELETED}[type_]
        return ObjectChange(change, state, before, now), About(state, self._workload(state))

    def _event(self, body: Any, now: datetime) -> tuple[KubeEvent, About]:
        regarding = body["involvedObject"]
        namespace = "" if regarding["kind"] == "Node" else regarding.get("namespace", "")
        ref = ObjectRef(regarding["kind"], regarding["name"], namespace, uid=regarding.get("uid", ""))
        event = KubeEvent(
            ref=ObjectRef("Event", body["metadata"]["name"], body["metadata"]["namespace"]),
            regarding=ref,
            type=body["type"],
            reason=body["reason"],
            message=body["message"],
            is_combined=False,
            component=body["source"].get("component", ""),
            host=body["source"].get("host", ""),
            count=body.get("count") or 1,
            is_series=False,
            first_at=now,
            last_at=now,
            resource_version=body["metadata"]["resourceVersion"],
        )
        state = self._states.get((ref.kind, ref.namespace, ref.name))
        return event, About(state, self._workload(state) if state else f"{ref.kind}/{ref.name}")

    def _state(self, body: Any) -> ObjectState:
        group, _, version = body["apiVersion"].rpartition("/")
        return read_state(Resource(group, version, body["kind"], "", namespaced=True), self._needs, body)

    def _workload(self, state: ObjectState) -> str:
        owner, ref = state.owner, state.ref
        while owner is not None:
            ref = ObjectRef(owner.kind, owner.name, ref.namespace)
            above = self._states.get((ref.kind, ref.namespace, ref.name))
            owner = above.owner if above is not None else None
        return f"{ref.kind}/{ref.name}"
