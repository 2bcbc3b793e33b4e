"""The rules of a configuration, compiled once: which of them speak of an observation, and what they say.

Findings on open alerts (that the match is false now, that the object is gone, `resolve`) name the alert by the
fingerprint that the engine gives, since an object no longer tells under which key its alert was opened: the reason of
an Event, a label that it had.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.identity import fingerprint
from kwatch.model.matching import kinds_of
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About, Change, KubeEvent, ObjectChange, ObjectState
from kwatch.model.rules import Mode, Rule, Subject
from kwatch.redaction import redact_shapes
from kwatch.rules.candidates import Candidates, remember
from kwatch.rules.compiled import CompiledRule, compile_rule, never
from kwatch.rules.explain import change_text, path_text
from kwatch.rules.needs import Need, needs_of, with_planned
from kwatch.rules.observed import Observed, observe_change, observe_event, observe_state, workload_of
from kwatch.rules.patterns import pattern_of
from kwatch.rules.since import began_at, broken_at
from kwatch.rules.teams import TEAM, team_finder
from kwatch.rules.workloads import expected_until

#: Characters of a message beyond which it is cut, and how many are left then.
_MESSAGE, _SHOWN = 4000, 3900
#: Values of labels of which it is remembered what is left when they are redacted.
_LABELS = 4096

#: The alerts (fingerprints) that hold an object as a member, also a pending one, by the id of their rule.
OpenAlerts = Callable[[ObjectRef], Mapping[str, Collection[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An object as the labels of alerts name it."""

    ref: ObjectRef
    chosen: Mapping[str, str]  # those of its own labels that `watch.labels` names, and the team of its namespace
    built_in: Mapping[str, str]

    def labels(self, compiled: CompiledRule, message: str) -> Mapping[str, str]:
        """Return the labels of the rule's alert; nothing can pass for a built-in one."""
        labels = {**self.chosen, **compiled.labels, **self.built_in}
        if compiled.is_by_message:
            labels = {**labels, "message": pattern_of(message)}
        if compiled.rule.absent_for is None:
            return labels
        # What is absent has no labels of its own, but for those of the key.
        key = compiled.rule.key
        known = (*compiled.labels, *key, *(("kind",) if "name" in key else ()))
        return {name: labels[name] for name in known if name in labels}


class RuleSet:
    """All rules: who is interested, and what they find. Rules do not know each other; their order means nothing."""

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        cluster: str,
        label_names: tuple[str, ...],
        teams: Mapping[str, tuple[str, ...]] = {},
        redact: Callable[[str], str] = redact_shapes,
        own: Iterable[Rule] = (),
    ) -> None:
        """Compile `rules`, and kwatch's `own`, for which nothing has to be watched."""
        self._team_of = team_finder(teams)
        self.redact = redact  # of what is found nothing else is kept
        self._redact_label = lru_cache(_LABELS)(redact)
        self._cluster = cluster
        self._label_names = label_names
        self.compiled = tuple(compile_rule(rule, cluster, label_names) for rule in rules)
        self._by_id = {compiled.rule.id: compiled for compiled in self.compiled}
        self._candidates = Candidates((*self.compiled, *(compile_rule(rule, cluster, ()) for rule in own)))
        self.event_candidates = self._candidates.for_event
        self._fingerprints: dict[tuple[str, tuple[str, ...]], str] = {}

    @staticmethod
    def needs_object(candidates: Iterable[CompiledRule]) -> bool:
        """Return whether one of them must know the regarding object, to match or to name the alert."""
        return any(each.needs_object for each in candidates)

    def event_findings(
        self, event: KubeEvent, about: About | None, candidates: Iterable[CompiledRule], now: datetime
    ) -> tuple[Finding, ...]:
        """Return an OCCURRENCE for each candidate that matches or may match; the pipeline adds the contribution."""
        seen = observe_event(event, about)
        matching = [(each, truth) for each in candidates if (truth := each.match(seen)) is not Truth.FALSE]
        if not matching:
            return ()
        # Some emitters name the object without its uid, or put its name there (the kubelet for its Node).
        member = seen.state.ref if seen.state is not None else event.regarding
        named = self._named(member, seen.state, workload_of(member, about), event.reason)
        since_at = min(event.last_at, now)
        return tuple(
            self._occurrence(compiled, truth, seen, event=event, named=named, since_at=since_at)
            for compiled, truth in matching
        )

    def watches(self, kind: str, group: str) -> bool:
        """Return whether any rule may have something to say of a change of this kind."""
        return bool(self._candidates.for_change(kind, group))

    def change_findings(self, change: ObjectChange, about: About, *, open_alerts: OpenAlerts) -> tuple[Finding, ...]:
        """Return what the rules say of a change.

        A rule that is true says so each time. What ends or suspends an alert is said of `open_alerts` only.
        """
        ref = change.state.ref
        candidates = self._candidates.tellers(ref.kind, ref.group)
        opened = open_alerts(ref)
        if opened:  # rules about Events have something to say of open alerts only
            listeners = self._candidates.listeners(ref.kind, ref.group)
            candidates += tuple(listeners[rule_id] for rule_id in opened if rule_id in listeners)
        if not candidates:
            return ()
        seen, listed = observe_change(change, about.workload), change.as_listed()
        findings: list[Finding] = []
        for compiled in candidates:
            of_rule = opened.get(compiled.rule.id, ())
            if of_rule or compiled.match(seen) is Truth.TRUE:  # else it has nothing to say, as most rules have
                findings += self._findings(compiled, change if compiled.is_edge else listed, seen, of_rule)
        return tuple(findings)

    def changed_paths(self, kind: str, group: str) -> frozenset[Path]:
        """Return the paths whose values rules of this kind compare with those before."""
        return self._candidates.changed_paths(kind, group)

    def asks_of_life(self, kind: str, group: str) -> bool:
        """Return whether a rule asks for objects of this kind that came or went."""
        return self._candidates.asks_of_life(kind, group)

    def notices_states(self, kind: str, group: str) -> bool:
        """Return whether a rule tells once that an object of this kind has come into a state."""
        return bool(self._candidates.noticers(kind, group))

    def noticing(self, state: ObjectState, about: About | None) -> tuple[str, ...] | None:
        """Return the rules whose notices are about a state that this object is in, by id; None: there are none."""
        candidates = self._candidates.noticers(state.ref.kind, state.ref.group)
        if not candidates:
            return None
        seen = observe_state(state, workload_of(state.ref, about))
        return tuple(each.rule.id for each in candidates if each.match(seen) is Truth.TRUE)

    def evidence(self, rule: Rule, state: ObjectState) -> Truth:
        """Return the truth of a rule's `resolve` on an object; false for a rule without one."""
        resolve = self._by_id[rule.id].resolve
        return resolve(observe_state(state, None)) if resolve is not None else Truth.FALSE

    def needs(self) -> Mapping[str, Need]:
        """Return what must be watched, by kind."""
        rules = [compiled.rule for compiled in self.compiled]
        return with_planned(needs_of(rules, self._label_names), rules)

    def end_by_quiet(self) -> bool:
        """Return whether there are rules for which the silence of an emitter means something."""
        return any(each.rule.ends_by_quiet for each in self.compiled)

    def event_kinds(self) -> frozenset[str]:
        """Return the kinds that rules of Events name; one that is about any kind names none."""
        matches = (each.rule.observed for each in self.compiled if each.rule.on is Subject.EVENT)
        return frozenset(kind for match in matches for kind in kinds_of(match) or ())

    def _findings(
        self, compiled: CompiledRule, change: ObjectChange, seen: Observed, opened: Collection[str]
    ) -> Iterable[Finding]:
        if change.change is Change.DELETED:
            gone = self._of_open(compiled, change, seen, opened, kind=FindingKind.GONE, truth=Truth.TRUE)
            return [*gone, *self._moment(compiled, change, seen)] if compiled.is_edge else gone
        if compiled.rule.on is Subject.EVENT:
            return self._evidence(compiled, change, seen, opened)
        if compiled.is_edge:
            is_news = change.change is not Change.EXISTING or _has_begun(compiled, change, seen)
            told = self._moment(compiled, change, seen) if is_news else ()
            return [*told, *self._evidence(compiled, change, seen, {*opened, *(each.fingerprint for each in told)})]
        if compiled.rule.mode is Mode.NOTICE:
            return self._moment(compiled, change, seen) if _has_begun(compiled, change, seen) else ()
        return self._level(compiled, change, seen, opened)

    def _level(
        self, compiled: CompiledRule, change: ObjectChange, seen: Observed, opened: Collection[str]
    ) -> Iterable[Finding]:
        """A state: true each time, false and unknown for the alerts that hold the object."""
        truth = compiled.match(seen)
        if truth is not Truth.TRUE:
            return self._of_open(compiled, change, seen, opened, kind=FindingKind.STATE, truth=truth)
        told = self._said(compiled, change, seen, kind=FindingKind.STATE, truth=truth)
        # Its key has other values now (a new owner, another label): it has left the alert in which it was.
        left = [each for each in opened if each != told.fingerprint]
        return [told, *self._of_open(compiled, change, seen, left, kind=FindingKind.STATE, truth=Truth.FALSE)]

    def _moment(self, compiled: CompiledRule, change: ObjectChange, seen: Observed) -> Collection[Finding]:
        """A moment: told when it is there, and never false."""
        if compiled.rule.on is not Subject.RESOURCE or compiled.match(seen) is not Truth.TRUE:
            return ()
        return (self._said(compiled, change, seen, kind=FindingKind.STATE, truth=Truth.TRUE),)

    def _evidence(
        self, compiled: CompiledRule, change: ObjectChange, seen: Observed, opened: Collection[str]
    ) -> Iterable[Finding]:
        if compiled.resolve is None or not opened:
            return ()
        truth = compiled.resolve(seen)
        return self._of_open(compiled, change, seen, opened, kind=FindingKind.EVIDENCE, truth=truth)

    def _of_open(
        self,
        compiled: CompiledRule,
        change: ObjectChange,
        seen: Observed,
        opened: Collection[str],
        *,
        kind: FindingKind,
        truth: Truth,
    ) -> Iterable[Finding]:
        if not opened:
            return ()
        said = self._said(compiled, change, seen, kind=kind, truth=truth)
        return [msgspec.structs.replace(said, fingerprint=each) for each in sorted(opened)]

    def _said(
        self, compiled: CompiledRule, change: ObjectChange, seen: Observed, *, kind: FindingKind, truth: Truth
    ) -> Finding:
        rule, state = compiled.rule, change.state
        is_so = kind is FindingKind.STATE and truth is Truth.TRUE
        message = self._kept(_message(compiled, seen)) if is_so else ""
        labels = self._named(state.ref, state, seen.workload or "", "").labels(compiled, message)
        values = tuple(labels.get(name, "") for name in rule.key)
        return Finding(
            kind=kind,
            rule=rule,
            fingerprint=self._fingerprint(rule, values),
            key_values=values,
            member=state.ref,
            truth=truth,
            since_at=began_at(compiled.causes.get(kind, ()), truth, change, seen),
            broken_at=broken_at(compiled, kind, truth, change, seen),
            labels=labels,
            message=message,
            details=self._details(compiled, seen) if is_so else {},
            is_initial=change.change is Change.EXISTING,
            expected_until=expected_until(state, change.received_at) if rule.is_held else None,
        )

    def _occurrence(
        self,
        compiled: CompiledRule,
        truth: Truth,
        seen: Observed,
        *,
        event: KubeEvent,
        named: Named,
        since_at: datetime,
    ) -> Finding:
        rule = compiled.rule
        first, second = compiled.steps or (never, never)
        message = self._kept(event.message)
        labels = named.labels(compiled, message)
        values = tuple([labels.get(name, "") for name in rule.key])
        return Finding(
            kind=FindingKind.OCCURRENCE,
            rule=rule,
            fingerprint=self._fingerprint(rule, values),
            key_values=values,
            member=named.ref,
            truth=truth,
            since_at=since_at,
            labels=labels,
            message=message,
            is_varied=event.is_combined,
            details=self._details(compiled, seen) if rule.details else {},
            is_first=first(seen) is Truth.TRUE,
            is_second=second(seen) is Truth.TRUE,
            expected_until=expected_until(seen.state, since_at) if rule.is_held and seen.state is not None else None,
        )

    def _kept(self, message: str) -> str:
        """Return a message as it is kept: no longer than what is told of it, and without secrets."""
        if len(message) > _MESSAGE:
            missing = f"{len(message) - _SHOWN:,}".replace(",", " ")
            message = f"{message[:_SHOWN]}… (cut, {missing} characters more)"
        return self.redact(message)

    def _details(self, compiled: CompiledRule, seen: Observed) -> Mapping[str, str]:
        return {name: self._kept(value) for name, value in compiled.details(seen).items()}

    def _named(self, ref: ObjectRef, state: ObjectState | None, workload: str, reason: str) -> Named:
        of_object = state.labels if state is not None else {}
        chosen = {name: self._redact_label(value) for name in self._label_names if (value := of_object.get(name))}
        if team := self._team_of(ref.namespace):
            chosen.setdefault(TEAM, team)
        built_in = {
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "workload": workload,
            "node": state.node if state is not None else "",
            "reason": reason,
        }
        return Named(
            ref=ref,
            chosen=chosen,
            built_in={name: value for name, value in built_in.items() if value},
        )

    def _fingerprint(self, rule: Rule, values: tuple[str, ...]) -> str:
        known = self._fingerprints.get((rule.id, values))
        if known is None:
            known = fingerprint(self._cluster, rule.id, dict(zip(rule.key, values, strict=True)))
            remember(self._fingerprints, (rule.id, values), known)
        return known


def _has_begun(compiled: CompiledRule, change: ObjectChange, seen: Observed) -> bool:
    """Return whether what a notice matches was not so before."""
    if change.noticed is not None:
        return compiled.rule.id not in change.noticed
    return change.before is None or compiled.match(observe_state(change.before, seen.workload)) is not Truth.TRUE


def _message(compiled: CompiledRule, seen: Observed) -> str:
    """Return what has changed, else what the status condition says."""
    if seen.state is None:
        return ""
    if seen.before is not None:
        changed = [path for path, holds in compiled.edges if holds(seen) is Truth.TRUE]
        if changed:
            return "; ".join(f"{path_text(path)}: {change_text(path, seen.before, seen.state)}" for path in changed)
    for type_, holds in compiled.causes[FindingKind.STATE]:
        if holds(seen) is Truth.TRUE:
            return seen.state.conditions[type_].message
    return ""
