from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import POD, WORKLOAD, about, at, change, event, event_rule, every, resource_rule, state, texts, word
from strategies import CONDITIONS, STATES

from kwatch.model.conditions import AllOf, Condition, FieldChanged, FieldIs, LabelIs, Not, StatusConditionIs, Word
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.identity import fingerprint
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About, Change, KubeEvent, ObjectChange, ObjectState, StatusCondition
from kwatch.model.rules import Mode, Rule, Severity
from kwatch.rules.compile import OpenAlerts, RuleSet
from kwatch.rules.evaluate import compile_condition
from kwatch.rules.observed import observe_event

NOW = at(60)
PHASE = ("status", "phase")
REASON = ("status", "containerStatuses", None, "state", "waiting", "reason")
REPLICAS = ("spec", "replicas")
IMAGE = ("spec", "image")
FAILED = FieldIs(PHASE, texts("Failed"))
READY = StatusConditionIs("Ready", texts("True"))
BACK_OFF = every(word(Word.KIND, "Pod"), word(Word.REASON, "BackOff"))


def ruleset(*rules: Rule, label_names: tuple[str, ...] = ()) -> RuleSet:
    return RuleSet(rules, cluster="lab", label_names=label_names)


def no_alerts(_ref: ObjectRef) -> Mapping[str, Collection[str]]:
    return {}


RULE_IDS = ("failed", "image", "none", "other", "r", "scaled", "rule-0", "rule-1", "rule-2", "rule-3")


class OfEachRule(Mapping[str, Collection[str]]):
    """The same alerts, whichever rule is asked for."""

    def __init__(self, fingerprints: Collection[str]) -> None:
        self._fingerprints = fingerprints

    def __getitem__(self, rule_id: str) -> Collection[str]:
        return self._fingerprints

    def __iter__(self) -> Iterator[str]:
        return iter(RULE_IDS)

    def __len__(self) -> int:
        return len(RULE_IDS)


def holding(*fingerprints: str) -> OpenAlerts:
    return lambda ref: OfEachRule(fingerprints) if ref.uid == "u-1" else {}


def of_event(rules: RuleSet, seen: KubeEvent, known: About | None, now: datetime = NOW) -> tuple[Finding, ...]:
    ref = seen.regarding
    candidates = rules.event_candidates(ref.kind, ref.group, ref.namespace, seen.type, seen.reason)
    return rules.event_findings(seen, known, candidates, now)


def of_change(rules: RuleSet, seen: ObjectChange, open_alerts: OpenAlerts = no_alerts) -> tuple[Finding, ...]:
    return rules.change_findings(seen, about(seen.state), open_alerts=open_alerts)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (f.rule.name, f.fingerprint, f.kind.value))


def brief(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(f.rule.name, f.kind.value, f.truth.value) for f in findings]


def failed(value: str = "Failed") -> ObjectChange:
    return change(state(values={PHASE: (value,)}), state(values={PHASE: ("Running",)}))


class TestEvents:
    def test_a_match_is_an_occurrence(self) -> None:
        rules = ruleset(event_rule("back-off", BACK_OFF, severity=Severity.CRITICAL, labels={"area": "runtime"}))
        known = about(state(labels={"team": "payments", "app": "web"}))
        (found,) = of_event(rules, event(message="Back-off", seconds=5), known)
        assert found.kind is FindingKind.OCCURRENCE
        assert found.truth is Truth.TRUE
        assert found.member == POD
        assert found.since_at == at(5)
        assert found.message == "Back-off"
        assert found.key_values == ("shop", "Deployment/web", "BackOff")
        assert found.labels == {
            "cluster": "lab",
            "rule": "back-off",
            "severity": "critical",
            "kind": "Pod",
            "namespace": "shop",
            "name": "web-1",
            "workload": "Deployment/web",
            "node": "node-1",
            "reason": "BackOff",
            "area": "runtime",
        }

    def test_the_fingerprint_is_that_of_cluster_rule_and_key(self) -> None:
        (found,) = of_event(ruleset(event_rule("r", BACK_OFF)), event(), about(state()))
        key = {"namespace": "shop", "workload": "Deployment/web", "reason": "BackOff"}
        assert found.fingerprint == fingerprint("lab", "r", key)

    def test_s24_a_missing_key_label_is_the_empty_string(self) -> None:
        rules = ruleset(event_rule("r", BACK_OFF, key=("team",)), label_names=("team",))
        (missing,) = of_event(rules, event(), about(state()))
        (empty,) = of_event(rules, event(), about(state(labels={"team": ""})))
        assert missing.fingerprint == empty.fingerprint
        assert missing.key_values == empty.key_values == ("",)

    def test_labels_without_a_value_are_left_out(self) -> None:
        node = ObjectRef("Node", "node-1", uid="node-1")
        rules = ruleset(event_rule("r", word(Word.REASON, "Rebooted"), labels={"area": ""}))
        (found,) = of_event(rules, event("Rebooted", regarding=node), None)
        assert found.labels == {
            "cluster": "lab",
            "rule": "r",
            "severity": "warning",
            "kind": "Node",
            "name": "node-1",
            "workload": "Node/node-1",
            "reason": "Rebooted",
        }

    def test_chosen_labels_of_the_object_cannot_pass_for_others(self) -> None:
        rules = ruleset(event_rule("r", BACK_OFF, labels={"team": "core"}), label_names=("team", "severity", "app"))
        known = about(state(labels={"team": "payments", "severity": "info", "app": "web"}))
        (found,) = of_event(rules, event(), known)
        assert (found.labels["team"], found.labels["severity"], found.labels["app"]) == ("core", "warning", "web")

    def test_the_object_is_named_as_it_is_known(self) -> None:
        """The kubelet puts the name of its Node where the uid belongs."""
        rules = ruleset(event_rule("r", word(Word.REASON, "Rebooted")))
        known = state(ref=ObjectRef("Node", "node-1", uid="real"))
        said = event("Rebooted", regarding=ObjectRef("Node", "node-1", uid="node-1"))
        (found,) = of_event(rules, said, About(known, "Node/node-1"))
        assert found.member.uid == "real"

    def test_what_cannot_be_known_now_is_unknown(self) -> None:
        rules = ruleset(event_rule("r", every(BACK_OFF, LabelIs("team", texts("payments")))))
        assert brief(of_event(rules, event(), None)) == [("r", "occurrence", "unknown")]
        assert brief(of_event(rules, event(), about(state(labels={"team": "shop"})))) == []

    def test_c13_an_event_of_the_future_is_of_now(self) -> None:
        (found,) = of_event(ruleset(event_rule("r", BACK_OFF)), event(seconds=600), about(state()), at(60))
        assert found.since_at == at(60)

    def test_details_are_read_from_the_object(self) -> None:
        rules = ruleset(event_rule("r", BACK_OFF, details={"phase": PHASE, "image": IMAGE}))
        (found,) = of_event(rules, event(), about(state(values={PHASE: ("Pending",)})))
        assert found.details == {"phase": "Pending"}
        assert of_event(rules, event(), None)[0].details == {}

    @pytest.mark.parametrize(
        ("match", "words", "expected"),
        [
            (BACK_OFF, {"key": ("namespace", "reason")}, False),
            (BACK_OFF, {"key": ("namespace", "reason"), "mode": Mode.ALERT}, True),
            (BACK_OFF, {}, True),
            (BACK_OFF, {"key": ("team",)}, True),
            (BACK_OFF, {"key": ("name",), "details": {"phase": PHASE}}, True),
            (every(BACK_OFF, LabelIs("team", texts("a"))), {"key": ("name",)}, True),
            (every(BACK_OFF, Not(word(Word.NODE, "a"))), {"key": ("name",)}, True),
        ],
    )
    def test_the_object_is_needed_to_match_to_name_or_to_end_what_is_told(
        self, match: Condition, words: dict[str, object], expected: bool
    ) -> None:
        rules = ruleset(event_rule("r", match, **{"mode": Mode.NOTICE, **words}), label_names=("team",))
        assert rules.needs_object(rules.event_candidates("Pod", "", "shop", "Warning", "BackOff")) is expected

    @pytest.mark.parametrize(
        ("kind", "namespace", "reason", "expected"),
        [
            ("Pod", "prod-a", "BackOff", 1),
            ("Pod", "prod-a", "Pulled", 0),
            ("Node", "prod-a", "BackOff", 0),
            ("Pod", "x", "BackOff", 0),
        ],
    )
    def test_candidates_are_those_that_may_match(self, kind: str, namespace: str, reason: str, expected: int) -> None:
        match = every(BACK_OFF, word(Word.NAMESPACE, "prod-*"), word(Word.MESSAGE, "*x*"), Not(word(Word.NAME, "y")))
        rules = ruleset(event_rule("r", match), resource_rule("other", AllOf(())))
        for _ in range(2):
            assert len(rules.event_candidates(kind, "", namespace, "Warning", reason)) == expected

    def test_an_edge_of_an_object_is_no_edge_of_an_event(self) -> None:
        rules = ruleset(event_rule("r", every(BACK_OFF, FieldChanged(IMAGE))))
        assert rules.event_candidates("Pod", "", "shop", "Warning", "BackOff") == ()


class TestStates:
    RULES = ruleset(resource_rule("failed", every(word(Word.KIND, "Pod"), FAILED)))

    def test_a_state_is_told_each_time_while_it_is_true(self) -> None:
        assert brief(of_change(self.RULES, failed())) == [("failed", "state", "true")]
        again = change(state(values={PHASE: ("Failed",)}), state(values={PHASE: ("Failed",)}))
        assert brief(of_change(self.RULES, again)) == [("failed", "state", "true")]

    def test_what_is_false_is_said_of_open_alerts_only(self) -> None:
        assert of_change(self.RULES, failed("Running")) == ()
        (found,) = of_change(self.RULES, failed("Running"), holding("fp"))
        assert brief([found]) == [("failed", "state", "false")]
        assert found.fingerprint == "fp"

    def test_unknown_is_said_of_open_alerts(self) -> None:
        rules = ruleset(resource_rule("r", StatusConditionIs("Ready", texts("False"))))
        assert of_change(rules, change(state())) == ()
        assert brief(of_change(rules, change(state()), holding("fp"))) == [("r", "state", "unknown")]

    def test_an_object_whose_key_has_changed_leaves_its_alert(self) -> None:
        told, left = of_change(self.RULES, failed(), holding("old"))
        assert (told.truth, left.truth, left.fingerprint) == (Truth.TRUE, Truth.FALSE, "old")
        assert of_change(self.RULES, failed(), holding(told.fingerprint)) == (told,)

    def test_a_deletion_is_said_of_open_alerts(self) -> None:
        gone = change(state(values={PHASE: ("Failed",)}), None, Change.DELETED)
        assert of_change(self.RULES, gone) == ()
        assert brief(of_change(self.RULES, gone, holding("fp"))) == [("failed", "gone", "true")]

    def test_what_resolves_a_state_makes_it_false(self) -> None:
        rules = ruleset(resource_rule("r", FAILED, resolve=READY))

        def phase(status: str) -> ObjectChange:
            return change(state(values={PHASE: ("Failed",)}, conditions={"Ready": StatusCondition(status)}))

        assert brief(of_change(rules, phase("False"), holding("fp")))[0] == ("r", "state", "true")
        assert brief(of_change(rules, phase("True"), holding("fp"))) == [("r", "state", "false")]

    def test_a_listed_object_is_initial(self) -> None:
        (found,) = of_change(self.RULES, change(state(values={PHASE: ("Failed",)}), None, Change.EXISTING))
        assert found.is_initial

    def test_t17_all_values_are_shown_once(self) -> None:
        waiting = FieldIs(REASON, texts("ErrImagePull", "ImagePullBackOff"))
        rules = ruleset(resource_rule("r", waiting, details={"reasons": REASON, "phase": PHASE}))
        pod = state(values={REASON: ("ErrImagePull", "ImagePullBackOff", "ErrImagePull")})
        (found,) = of_change(rules, change(pod))
        assert found.details == {"reasons": "ErrImagePull, ImagePullBackOff"}

    def test_other_kinds_are_not_watched(self) -> None:
        assert self.RULES.watches("Pod", "")
        assert not self.RULES.watches("Node", "")


class TestSince:
    RULES = ruleset(resource_rule("r", StatusConditionIs("Ready", texts("False"))))

    @staticmethod
    def ready(status: str, since: float | None, message: str = "") -> StatusCondition:
        return StatusCondition(status, "Reason", message, at(since) if since is not None else None)

    def said(self, now: StatusCondition, before: StatusCondition | None, truth: Truth) -> Finding:
        earlier = state(conditions={"Ready": before}) if before is not None else None
        seen = change(state(conditions={"Ready": now}), earlier, seconds=100)
        (found,) = (
            f for f in of_change(self.RULES, seen, holding("fp")) if f.fingerprint != "fp" or truth is Truth.FALSE
        )
        assert found.truth is truth
        return found

    def test_a_condition_says_since_when_and_why(self) -> None:
        found = self.said(self.ready("False", 40, "disk full"), self.ready("True", 10), Truth.TRUE)
        assert (found.since_at, found.message) == (at(40), "disk full")

    def test_the_end_too(self) -> None:
        found = self.said(self.ready("True", 40, "fine"), self.ready("False", 10), Truth.FALSE)
        assert (found.since_at, found.message) == (at(40), "")

    def test_without_a_before_the_condition_is_believed(self) -> None:
        assert self.said(self.ready("False", 40), None, Truth.TRUE).since_at == at(40)

    @pytest.mark.parametrize("since", [None, 5, 10])
    def test_a_transition_that_was_none_is_not(self, since: float | None) -> None:
        assert self.said(self.ready("False", since), self.ready("True", 10), Truth.TRUE).since_at == at(100)

    @pytest.mark.parametrize(
        ("now", "before", "truth", "broken_at"),
        [
            (("False", 40), ("False", 10), Truth.TRUE, 40),  # another status lay between
            (("False", 40), None, Truth.TRUE, 40),
            (("False", 40), ("False", 40), Truth.TRUE, None),
            (("False", 10), ("False", 40), Truth.TRUE, None),  # given its old time back
            (("False", None), ("False", 10), Truth.TRUE, None),
            (("False", 500), ("False", 10), Truth.TRUE, 100),  # the clock of the kubelet is ahead
            (("True", 40), ("True", 10), Truth.FALSE, 40),  # it may have been False
            (("Unknown", 40), ("True", 10), Truth.FALSE, None),  # neither is asked for
        ],
    )
    def test_a_later_transition_says_that_there_was_a_break(
        self,
        now: tuple[str, float | None],
        before: tuple[str, float | None] | None,
        truth: Truth,
        broken_at: float | None,
    ) -> None:
        found = self.said(self.ready(*now), self.ready(*before) if before is not None else None, truth)
        assert found.broken_at == (at(broken_at) if broken_at is not None else None)

    def test_what_was_true_by_either_status_had_no_break(self) -> None:
        rules = ruleset(resource_rule("r", StatusConditionIs("Ready", texts("False", "Unknown"))))
        earlier = state(conditions={"Ready": self.ready("False", 10)})
        (found,) = of_change(rules, change(state(conditions={"Ready": self.ready("False", 40)}), earlier, seconds=100))
        assert (found.truth, found.broken_at) == (Truth.TRUE, None)

    @pytest.mark.parametrize(("transitions", "since"), [((40, 60, None), 60), ((40, 500), 100), ((), 100)])
    def test_what_a_list_shows_has_been_so_since_the_last_transition_of_any_condition(
        self, transitions: tuple[float | None, ...], since: float
    ) -> None:
        """An image that cannot be pulled has no time of its own: began while nobody watched, it is still told late."""
        conditions = {str(number): self.ready("True", at_) for number, at_ in enumerate(transitions)}
        rules = ruleset(resource_rule("r", word(Word.NAME, "web-*")))
        (found,) = of_change(rules, change(state(conditions=conditions), kind=Change.EXISTING, seconds=100))
        assert found.since_at == at(since)

    def test_an_end_that_a_list_shows_is_an_end_from_now_on(self) -> None:
        """A container that was never ready has old transitions only, while it crashes again and again."""
        rules = ruleset(resource_rule("r", word(Word.NAME, "other")))
        seen = change(state(conditions={"Ready": self.ready("False", 5)}), kind=Change.EXISTING, seconds=100)
        (found,) = of_change(rules, seen, holding("fp"))
        assert (found.truth, found.since_at) == (Truth.FALSE, at(100))

    def test_nothing_begins_in_the_future(self) -> None:
        assert self.said(self.ready("False", 500), self.ready("True", 10), Truth.TRUE).since_at == at(100)


class TestMoments:
    def test_t45_each_rule_sees_its_own_change(self) -> None:
        rules = ruleset(
            resource_rule("scaled", FieldChanged(REPLICAS), mode=Mode.NOTICE),
            resource_rule("image", FieldChanged(IMAGE), mode=Mode.NOTICE),
        )
        before = state(values={REPLICAS: (3,), IMAGE: ("web:1",)})
        after = state(values={REPLICAS: (3,), IMAGE: ("web:2",)})
        (found,) = of_change(rules, change(after, before))
        assert brief([found]) == [("image", "state", "true")]
        assert found.message == "spec.image: web:1 → web:2"
        assert of_change(rules, change(after, after)) == ()

    def test_an_alert_that_a_change_opens_is_not_ended_by_the_next(self) -> None:
        rules = ruleset(resource_rule("scaled", FieldChanged(REPLICAS)))
        now = state(values={REPLICAS: (3,)})
        assert of_change(rules, change(now, now), holding("fp")) == ()

    def test_it_is_ended_by_evidence(self) -> None:
        rules = ruleset(resource_rule("scaled", FieldChanged(REPLICAS), resolve=READY))
        ready = {"Ready": StatusCondition("True", changed_at=at(1))}
        before, after = state(values={REPLICAS: (3,)}), state(values={REPLICAS: (4,)}, conditions=ready)
        told, evidence = of_change(rules, change(after, before, seconds=9))
        assert brief([told, evidence]) == [("scaled", "state", "true"), ("scaled", "evidence", "true")]
        assert (evidence.fingerprint, evidence.since_at) == (told.fingerprint, at(1))
        assert brief(of_change(rules, change(after, after), holding("fp"))) == [("scaled", "evidence", "true")]

    def test_the_end_of_an_object_may_be_the_moment(self) -> None:
        rules = ruleset(resource_rule("deleted", word(Word.CHANGE, "deleted"), mode=Mode.NOTICE))
        assert brief(of_change(rules, change(state(), None, Change.DELETED))) == [("deleted", "state", "true")]
        assert of_change(rules, change(state(), None, Change.UPDATED)) == ()

    def test_a_notice_of_a_state_is_told_when_it_begins(self) -> None:
        rules = ruleset(resource_rule("failed", FAILED, mode=Mode.NOTICE))
        assert brief(of_change(rules, failed())) == [("failed", "state", "true")]
        still = state(values={PHASE: ("Failed",)})
        assert of_change(rules, change(still, still)) == ()
        assert of_change(rules, change(still, None, Change.DELETED)) == ()


class TestEvidence:
    RULE = event_rule("r", BACK_OFF, resolve=READY)

    def test_the_object_shows_the_end_of_an_event(self) -> None:
        rules = ruleset(self.RULE)
        ready = change(state(conditions={"Ready": StatusCondition("True", changed_at=at(3))}), seconds=5)
        (found,) = of_change(rules, ready, holding("fp"))
        assert brief([found]) == [("r", "evidence", "true")]
        assert (found.fingerprint, found.since_at) == ("fp", at(3))
        assert of_change(rules, ready) == ()

    def test_and_takes_it_back(self) -> None:
        not_ready = change(state(conditions={"Ready": StatusCondition("False")}))
        assert brief(of_change(ruleset(self.RULE), not_ready, holding("fp"))) == [("r", "evidence", "false")]

    def test_a_rule_without_resolve_ends_with_its_object(self) -> None:
        rules = ruleset(event_rule("r", BACK_OFF))
        assert of_change(rules, change(state()), holding("fp")) == ()
        assert brief(of_change(rules, change(state(), None, Change.DELETED), holding("fp"))) == [("r", "gone", "true")]

    def test_an_object_that_is_known_already_is_evidence(self) -> None:
        rules = ruleset(self.RULE, event_rule("none", BACK_OFF))
        assert rules.evidence(self.RULE, state(conditions={"Ready": StatusCondition("True")})) is Truth.TRUE
        assert rules.evidence(self.RULE, state()) is Truth.UNKNOWN
        assert rules.evidence(event_rule("none", BACK_OFF), state()) is Truth.FALSE


def _rules_of(conditions: Sequence[Condition]) -> list[Rule]:
    makers = (event_rule, resource_rule)
    return [makers[n % 2](f"rule-{n}", condition) for n, condition in enumerate(conditions)]


@given(st.lists(CONDITIONS, min_size=2, max_size=4), STATES, st.none() | STATES, st.sampled_from(Change))
def test_t46_no_rule_alters_what_another_says(
    conditions: list[Condition], now: ObjectState, before: ObjectState | None, kind: Change
) -> None:
    seen = ObjectChange(kind, now, before, at(0))
    happened = event("a", regarding=seen.state.ref)

    def said(rules: Sequence[Rule]) -> list[Finding]:
        compiled = ruleset(*rules, label_names=("a",))
        known = about(seen.state)
        changes = compiled.change_findings(seen, known, open_alerts=holding("fp"))
        return sorted(
            (*of_event(compiled, happened, known), *changes), key=lambda f: (f.rule.name, f.fingerprint, f.kind.value)
        )

    rules = _rules_of(conditions)
    alone = sorted(
        (f for rule in rules for f in said([rule])), key=lambda f: (f.rule.name, f.fingerprint, f.kind.value)
    )
    for order in permutations(rules):
        assert said(order) == alone


@given(CONDITIONS, st.none() | STATES, st.sampled_from(["a", "b", "BackOff"]))
def test_a_rule_that_matches_is_a_candidate(condition: Condition, known: ObjectState | None, reason: str) -> None:
    candidates = ruleset(event_rule("r", condition)).event_candidates("Pod", "", "shop", "Warning", reason)
    seen = observe_event(event(reason), About(known, WORKLOAD))
    assert candidates or compile_condition(condition)(seen) is Truth.FALSE
