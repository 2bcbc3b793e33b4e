"""One rule, compiled: its conditions as functions, and what can be told of it beforehand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kwatch.model.conditions import AllOf, Condition, FieldChanged, Not, Path, StatusConditionIs, is_edge, nodes
from kwatch.model.findings import FindingKind, Truth
from kwatch.model.rules import Rule, Subject
from kwatch.rules.details import Details, compile_details
from kwatch.rules.evaluate import Evaluator, compile_condition
from kwatch.rules.needs import needs_object
from kwatch.rules.observed import Observed

#: The type of a status condition, and whether it is as it was asked for.
Cause = tuple[str, Evaluator]

#: What must come first in a sequence, and what must follow.
Steps = tuple[Evaluator, Evaluator]

#: A path that must have changed, and whether it has as it was asked for.
Edge = tuple[Path, Evaluator]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule with its conditions as functions."""

    rule: Rule
    match: Evaluator  # of a level rule: its match, and not its resolve; of a sequence: either step
    steps: Steps | None  # of a sequence
    resolve: Evaluator | None
    is_edge: bool
    needs_object: bool
    causes: Mapping[FindingKind, tuple[Cause, ...]]  # the status conditions named in the match, and in the resolve
    edges: tuple[Edge, ...]
    details: Callable[[Observed], Details]
    labels: Mapping[str, str]  # those that are the same for each finding
    is_by_message: bool  # its key holds the message


def condition_of(rule: Rule) -> Condition:
    """Return what must be true: of a level rule its match, and not its resolve; of a sequence either step."""
    is_state = rule.on is Subject.RESOURCE and not is_edge(rule.match)
    return AllOf((rule.match, Not(rule.resolve))) if is_state and rule.resolve is not None else rule.observed


def compile_rule(rule: Rule, cluster: str, label_names: tuple[str, ...]) -> CompiledRule:
    """Compile a rule of a cluster whose alerts take these labels from objects."""
    built_in = {"cluster": cluster, "rule": rule.name, "severity": rule.severity.word}
    then = rule.then
    return CompiledRule(
        rule=rule,
        match=compile_condition(condition_of(rule)),
        steps=(compile_condition(rule.match), compile_condition(then.match)) if then is not None else None,
        resolve=compile_condition(rule.resolve) if rule.resolve is not None else None,
        is_edge=is_edge(rule.match),
        needs_object=needs_object(rule, label_names),
        causes={FindingKind.STATE: _causes(rule.match), FindingKind.EVIDENCE: _causes(rule.resolve or AllOf(()))},
        edges=_edges(rule.match),
        details=compile_details(rule),
        labels={name: value for name, value in {**rule.labels, **built_in}.items() if value},
        is_by_message="message" in rule.key,
    )


def never(_: Observed) -> Truth:
    """Return the truth of a step that a rule does not have."""
    return Truth.FALSE


def _causes(condition: Condition) -> tuple[Cause, ...]:
    return tuple(
        (node.type, compile_condition(node)) for node in nodes(condition) if isinstance(node, StatusConditionIs)
    )


def _edges(condition: Condition) -> tuple[Edge, ...]:
    return tuple((node.path, compile_condition(node)) for node in nodes(condition) if isinstance(node, FieldChanged))
