"""What every rule says of one Event or object, and why. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from kwatch.model.findings import Finding, Truth
from kwatch.model.observations import About, Change, KubeEvent, ObjectChange, ObjectState
from kwatch.model.rules import Rule, Subject
from kwatch.rules.compile import RuleSet
from kwatch.rules.compiled import condition_of
from kwatch.rules.explain import Explanation, explain
from kwatch.rules.observed import observe_change, observe_event


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's word. What names and routes an alert is empty where the rule makes none of it."""

    rule: str
    origin: str
    truth: Truth
    why: Explanation
    fingerprint: str = ""
    key: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


def of_event(rules: RuleSet, event: KubeEvent, about: About | None, now: datetime) -> tuple[Verdict, ...]:
    """Return the verdicts of the rules on Events."""
    asked = [compiled for compiled in rules.compiled if compiled.rule.on is Subject.EVENT]
    found = _by_rule(rules.event_findings(event, about, asked, now))
    seen = observe_event(event, about)
    return tuple(
        _verdict(compiled.rule, explain(condition_of(compiled.rule), seen), found.get(compiled.rule.id))
        for compiled in asked
    )


def of_state(rules: RuleSet, state: ObjectState, about: About | None, now: datetime) -> tuple[Verdict, ...]:
    """Return the verdicts of the rules on objects, on one as it is."""
    about = about or About.alone(state)
    change = ObjectChange(Change.EXISTING, state, None, now)
    found = _by_rule(rules.change_findings(change, about, open_alerts=lambda _: {}))
    seen = observe_change(change, about.workload)
    return tuple(
        _verdict(rule, explain(condition_of(rule), seen), found.get(rule.id))
        for rule in (compiled.rule for compiled in rules.compiled)
        if rule.on is Subject.RESOURCE
    )


def _by_rule(findings: Iterable[Finding]) -> Mapping[str, Finding]:
    return {finding.rule.id: finding for finding in findings}


def _verdict(rule: Rule, why: Explanation, finding: Finding | None) -> Verdict:
    if finding is None:
        return Verdict(rule=rule.name, origin=rule.origin, truth=why.truth, why=why)
    return Verdict(
        rule=rule.name,
        origin=rule.origin,
        truth=why.truth,
        why=why,
        fingerprint=finding.fingerprint,
        key=dict(zip(rule.key, finding.key_values, strict=True)),
        labels=finding.labels,
    )
