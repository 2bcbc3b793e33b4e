"""The work of `kwatch explain`: objects from files, what every rule says of them, and where that would go."""

import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kwatch.alerts.routing import Router
from kwatch.cli import conditions
from kwatch.config.config import Config
from kwatch.config.parse import parse
from kwatch.config.problems import Problems
from kwatch.errors import ConfigError, KwatchError
from kwatch.model.findings import Truth
from kwatch.model.identity import group_id
from kwatch.model.objects import ObjectRef, Resource, Source, WatchEvent, WatchEventType
from kwatch.model.observations import KubeEvent, ObjectChange, ObjectState
from kwatch.model.rules import Severity
from kwatch.rules import verdicts
from kwatch.rules.compile import RuleSet
from kwatch.rules.patterns import pattern_of
from kwatch.rules.verdicts import Verdict
from kwatch.watch.cache import ObjectCache
from kwatch.watch.extract import projection_of
from kwatch.watch.normalise import KubeEventBody, event_of

Document = Mapping[str, Any]


class Way(NamedTuple):
    """Where an alert would be told, and in which group."""

    receiver: str
    destinations: tuple[str, ...]
    group: str
    told_when: tuple[str, ...]  # by the windows of the route; empty: always


class Explained(NamedTuple):
    """One Event or object with what each rule says of it."""

    title: str
    pattern: str  # the Event's message without what varies
    verdicts: tuple[Verdict, ...]


class Explainer:
    """The rules of a configuration, asked of single objects."""

    def __init__(self, config: Config, documents: Iterable[Document], now: datetime) -> None:
        self._cluster = config.cluster or ""
        self._rules = RuleSet(config.rules, cluster=self._cluster, label_names=config.watch.labels, teams=config.teams)
        self._router = Router(config.route, config.destinations)
        self._by_name = {rule.name: rule for rule in config.rules}
        self._now = now
        documents = tuple(documents)
        self._events = [_event_of(document) for document in documents if document.get("kind") == "Event"]
        self._cache = ObjectCache()
        self._objects = self._listed(document for document in documents if document.get("kind") != "Event")

    def explained(self) -> tuple[Explained, ...]:
        """Return the verdicts on each Event, beside which the objects are known; without Events, on each object."""
        if self._events:
            return tuple(map(self._of_event, self._events))
        return tuple(map(self._of_object, filter(None, map(self._cache.get, self._objects))))

    def told_when(self, verdict: Verdict) -> tuple[str, ...]:
        """Return what a rule waits for beside its match; empty: nothing."""
        return tuple(conditions.of_rule(self._by_name[verdict.rule]))

    def ways(self, verdict: Verdict) -> tuple[Way, ...]:
        """Return where the alert of a rule that matched would be told."""
        is_critical = self._by_name[verdict.rule].severity is Severity.CRITICAL
        matches = self._router.route(verdict.labels).matches
        return tuple(
            Way(
                match.receiver,
                tuple(destination.name for destination in match.destinations),
                group_id(self._cluster, match.receiver, match.group(verdict.labels)),
                tuple(conditions.of_windows(match.route.schedule, is_critical=is_critical)),
            )
            for match in matches
        )

    def _of_event(self, event: KubeEvent) -> Explained:
        about = self._cache.about(event.regarding)
        known = about if about is not None and about.state is not None else None
        title = f"Event {event.ref.namespace}/{event.ref.name}: {event.reason}, {event.regarding}"
        return Explained(title, pattern_of(event.message), verdicts.of_event(self._rules, event, known, self._now))

    def _of_object(self, state: ObjectState) -> Explained:
        about = self._cache.about(state.ref)
        return Explained(str(state.ref), "", verdicts.of_state(self._rules, state, about, self._now))

    def _listed(self, documents: Iterable[Document]) -> tuple[ObjectRef, ...]:
        """Know these objects as if they were listed, and return which they are; one that comes twice is one."""
        needs, refs = self._rules.needs(), dict[ObjectRef, None]()
        for document in documents:
            source, frame = _frame_of(document, self._now)
            resource = source.resource
            token = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
            need = needs.get(token) or needs.get(resource.kind)
            if need is not None:
                self._cache.keep(resource, projection_of(need))
            refs |= {change.state.ref: None for change in _apply(self._cache, source, frame)}
        return tuple(refs)


def _apply(cache: ObjectCache, source: Source, frame: WatchEvent) -> tuple[ObjectChange, ...]:
    try:
        return cache.apply(source, frame)
    except msgspec.ValidationError as error:
        raise KwatchError(f"a {source.resource.kind} is malformed: {error}") from error


def _frame_of(document: Document, now: datetime) -> tuple[Source, WatchEvent]:
    """Return an object as the first list would bring it."""
    group, _, version = str(document.get("apiVersion", "")).rpartition("/")
    kind, metadata = str(document.get("kind", "")), document.get("metadata")
    if not kind or not version or not isinstance(metadata, Mapping):
        raise KwatchError("a document is no Kubernetes object: it needs apiVersion, kind and metadata")
    resource = Resource(group, version, kind, kind.lower(), "namespace" in metadata)
    body = {**document, "metadata": {"resourceVersion": "1", **metadata}}
    return Source(resource), WatchEvent(WatchEventType.LISTED, body, "1", now)


def read_documents(paths: Iterable[Path]) -> list[Document]:
    """Return the objects of files (`-`: standard input), those of a List one by one. Raise KwatchError."""
    documents: list[Document] = []
    for path in paths:
        document = _plain(path)
        items = document.get("items") if str(document.get("kind", "")).endswith("List") else None
        documents += items if isinstance(items, list) else [document]
    return documents


def _plain(path: Path) -> Document:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KwatchError(f"{path} cannot be read: {error}") from error
    problems = Problems()
    node = parse(text, str(path), problems)
    if problems:
        raise ConfigError(problems.sorted())
    found = node.plain() if node is not None else None
    if not isinstance(found, Mapping):
        raise KwatchError(f"{path}: no Kubernetes object; write one as `kubectl get -o yaml` does")
    return found


def _event_of(document: Document) -> KubeEvent:
    try:
        event = event_of(msgspec.convert(document, KubeEventBody))
    except msgspec.ValidationError as error:
        raise KwatchError(f"an Event is malformed: {error}") from error
    if event is None:
        raise KwatchError("an Event has no name, no object that it is about, or no time: kwatch skips it as malformed")
    return event


def only(explained: Explained, rule: str) -> Explained:
    """Return the word of one rule alone."""
    return explained._replace(verdicts=tuple(each for each in explained.verdicts if each.rule == rule))


def report(explainer: Explainer, explained: Explained) -> dict[str, Any]:
    """Return everything as JSON has it."""
    return {
        "about": explained.title,
        "message_pattern": explained.pattern,
        "rules": [
            {
                **msgspec.to_builtins(verdict),
                "told_when": list(explainer.told_when(verdict)),
                "destinations": [way._asdict() for way in explainer.ways(verdict)] if verdict.fingerprint else [],
            }
            for verdict in explained.verdicts
        ],
    }


def lines_of(explainer: Explainer, explained: Explained, *, shows_all: bool) -> list[str]:
    """Return the verdicts for people: those that match or may in full, the others by name unless all are asked for."""
    told = [each for each in explained.verdicts if shows_all or each.truth is not Truth.FALSE]
    others = [each.rule for each in explained.verdicts if each not in told]
    lines = [explained.title]
    for verdict in told:
        lines += ["", f"{verdict.rule} ({verdict.origin}): {_SAYS[verdict.truth]}", *_named(explainer, verdict)]
        lines += [f"  {line}" for line in str(verdict.why).splitlines()]
    if others:
        lines += ["", f"no match: {', '.join(others)} (--all says why)"]
    return lines


def fingerprints_of(explained: Explained) -> list[str]:
    """Return what names the alert of each rule that matches, a line each."""
    named = [verdict for verdict in explained.verdicts if verdict.fingerprint]
    lines = [f"{each.fingerprint}  {each.rule}  {_key_text(each)}" for each in named]
    return [explained.title, f"message: {explained.pattern or '-'}", *lines]


_SAYS = {Truth.TRUE: "matches", Truth.FALSE: "does not match", Truth.UNKNOWN: "cannot be said"}


def _named(explainer: Explainer, verdict: Verdict) -> list[str]:
    if not verdict.fingerprint:
        return []
    ways = explainer.ways(verdict)
    told = [f"{way.receiver} ({', '.join(way.destinations)})" for way in ways]
    return [
        f"  alert   {verdict.fingerprint}  {_key_text(verdict)}",
        f"  told to {'; '.join(told) or 'nobody'}",
        *(f"  once    {each}" for each in explainer.told_when(verdict)),
        *(f"  but     {each}" for each in dict.fromkeys(each for way in ways for each in way.told_when)),
    ]


def _key_text(verdict: Verdict) -> str:
    return " ".join(f"{name}={value or '-'}" for name, value in verdict.key.items())
