"""What somebody asks to be silent about: what is refused, with the reason, and what is understood."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kwatch.config.load import load
from kwatch.config.matching import KnownNames
from kwatch.config.silences import exactly, read_silence
from kwatch.errors import RefusedError
from kwatch.model.conditions import AllOf, LabelIs, Text
from kwatch.model.matching import label_predicate
from kwatch.model.silences import Silence

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KNOWN = KnownNames(
    labels=frozenset({"cluster", "rule", "severity", "namespace", "name", "kind", "reason"}),
    rules=frozenset({"broken", "worse"}),
    certain={"broken": {"rule": ("broken",), "kind": ("Pod",), "reason": ("",)}},
)


def read(**asked: Any) -> Silence:
    return read_silence(asked, KNOWN, cluster="stage", owner="alice", now=NOW)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param({"match": {}}, "match: an empty matcher would match everything", id="no matcher"),
        pytest.param({"match": {"namespace": ""}}, "namespace: must not be empty", id="only an empty value"),
        pytest.param({"match": {"namespace": "", "name": " "}}, "namespace: must not be empty", id="only empty values"),
        pytest.param(
            {"match": {"namespace": []}}, "namespace: must be a list with at least one element", id="no value"
        ),
        pytest.param({"match": {"not": {}}}, "not: an empty matcher", id="an empty negation"),
        pytest.param({"match": {"any": [{}]}}, "any: an empty matcher", id="an empty alternative"),
        pytest.param({"match": {"rule": "*"}}, "match: it would silence everything", id="any rule"),
        pytest.param({"match": {"namespace": {"regex": ".*"}}}, "match: it would silence everything", id="any text"),
        pytest.param(
            {"match": {"not": {"namespace": {"regex": ".*"}}}}, "match: no alert can ever match it", id="none"
        ),
        pytest.param({"match": {"cluster": "stage"}}, "match: it would silence everything", id="the only cluster"),
        pytest.param(
            {"match": {"severity": ["info", "warning", "critical"]}}, "match: it would silence", id="all severities"
        ),
        pytest.param({"match": {"rule": ["broken", "worse"]}}, "match: it would silence everything", id="all rules"),
        pytest.param({"match": {"not": {"cluster": "other"}}}, "match: it would silence everything", id="no other"),
        pytest.param(
            {"match": {"namespace": {"regex": "("}}}, "namespace: regex: missing ): (", id="T02 an invalid regex"
        ),
        pytest.param({"match": {"namespcae": "shop"}}, "no alert has a label 'namespcae'", id="T52 an unknown label"),
        pytest.param({"match": {"rule": "brokn"}}, "rule: there is no 'brokn', did you mean 'broken'?", id="no rule"),
        pytest.param({"match": {"rule": "broken", "kind": "Node"}}, "match: no alert can ever match it", id="its kind"),
        pytest.param({"match": {"rule": "broken", "reason": "X"}}, "match: no alert can ever match it", id="no reason"),
        pytest.param({"match": {"cluster": "other"}}, "match: no alert can ever match it", id="another cluster"),
        pytest.param(
            {"match": {"name": "a", "not": {"name": "a"}}}, "match: no alert can ever match it", id="its opposite"
        ),
        pytest.param(
            {"match": {"name": "a", "any": [{"name": "b"}]}}, "match: no alert can ever match it", id="two names"
        ),
        pytest.param(
            {"match": {"namespace": "shop", "not": {"namespace": "s*"}}}, "match: no alert can ever match it", id="glob"
        ),
        pytest.param(
            {"match": {"namespace": "s*", "not": {"namespace": "*"}}}, "match: no alert can ever match it", id="globs"
        ),
        pytest.param(
            {"match": {"name": "a", "not": {"name": {"regex": "a|b"}}}}, "match: no alert can ever match", id="a regex"
        ),
        pytest.param(
            {"match": {"name": "a", "any": [{"name": "b*"}]}}, "match: no alert can ever match", id="two patterns"
        ),
        pytest.param({"match": "shop"}, "match: must be a mapping, key: value", id="no mapping"),
        pytest.param({"match": {"name": ["x" * 100] * 50}}, "match: longer than 4000 characters", id="too long"),
        pytest.param({}, "'match' is missing", id="nothing"),
    ],
)
def test_S82_what_matches_everything_or_nothing_is_refused(words: dict[str, Any], error: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read(**words, **{"for": "1h"})
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({}, "say how long: for: 2h, until: an instant with its zone, or until_resolved: true"),
        ({"for": "0s"}, "for: must be longer than 0s"),
        ({"for": 7200}, "for: not a duration; write 90s, 10m, 1h30m or 7d"),
        ({"for": "2h", "until": "2027-01-01T00:00:00Z"}, "give for or until, not both"),
        ({"until": "2026-01-01T12:00:00Z"}, "until: this is not after its start"),
        (
            {"until": "2027-01-01T00:00:00"},
            "until: must have a zone: 2026-03-01T18:00:00Z, or +01:00 in place of the Z",
        ),
        ({"until": "tomorrow"}, "until: must be an instant: 2026-03-01T18:00:00Z"),
        ({"until": "2027-01-01T00:00:00Z", "starts_at": "2027-01-01T00:00:00Z"}, "until: this is not after its start"),
        ({"for": "2h", "onwer": "bob"}, "unknown key 'onwer', did you mean 'owner'?"),
    ],
)
def test_a_silence_says_how_long(words: dict[str, Any], error: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read(match={"namespace": "shop"}, **words)
    assert str(caught.value) == error


NODE = {"cluster": "stage", "rule": "broken", "kind": "Node", "name": "n1"}
POD = {"cluster": "stage", "rule": "broken", "namespace": "shop", "kind": "Pod", "name": "a", "workload": "Node/n1"}


@pytest.mark.parametrize(
    ("match", "is_node", "is_pod"),
    [({"namespace": "*"}, False, True), ({"not": {"namespace": "*"}}, True, False), ({"name": "*"}, True, True)],
)
def test_S82_what_has_any_namespace_is_not_everything(match: dict[str, Any], is_node: bool, is_pod: bool) -> None:
    """Nodes have none, and what is absent may have no name."""
    holds = label_predicate(read(match=match, **{"for": "1h"}).match)
    assert (holds(NODE), holds(POD)) == (is_node, is_pod)


def test_the_workload_of_a_static_pod_is_its_node() -> None:
    known = KnownNames(labels=KNOWN.labels | {"kind", "workload"}, rules=KNOWN.rules)
    asked = {"match": {"kind": "Pod", "workload": "Node/*"}, "for": "1h"}
    silence = read_silence(asked, known, cluster="stage", owner="alice", now=NOW)
    assert label_predicate(silence.match)(POD)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(RefusedError) as caught:
        read(match={"namespace": "", "nmae": "a"})
    assert str(caught.value) == (
        "say how long: for: 2h, until: an instant with its zone, or until_resolved: true; "
        'namespace: must not be empty; "*" is any value, and not: {namespace: "*"} is none; '
        "no alert has a label 'nmae' (a rule's `labels` and `watch.labels` add some), did you mean 'name'?"
    )


def test_a_silence_is_read() -> None:
    silence = read(
        match={"namespace": ["shop", "prod-*"], "not": {"name": {"regex": "a+"}}},
        starts_at="2026-01-01T14:00:00+01:00",
        comment="new\n database",
        **{"for": "2h"},
    )
    assert silence.starts_at == datetime(2026, 1, 1, 13, tzinfo=UTC)
    assert silence.ends_at == datetime(2026, 1, 1, 15, tzinfo=UTC)
    assert silence.asked == "namespace: [shop, prod-*], not: {name: {regex: a+}}"
    assert silence.title == "silenced until 2026-01-01 15:00 UTC by alice: new database"
    assert isinstance(silence.match, AllOf)
    assert silence.match.of[0] == LabelIs("namespace", (Text("shop"), Text("prod-*")))


def test_a_start_in_the_past_is_now() -> None:
    silence = read(match={"namespace": "shop"}, starts_at="2025-01-01T00:00:00Z", owner="team", **{"for": "1h"})
    assert (silence.starts_at, silence.owner) == (NOW, "team")


@pytest.mark.parametrize(
    ("alerts", "match"),
    [
        pytest.param([{"rule": "broken", "name": "a"}], {"rule": "broken", "name": "a"}, id="one"),
        pytest.param(
            [{"rule": "broken", "name": "a"}, {"rule": "broken", "name": "b"}],
            {"rule": "broken", "any": [{"name": "a"}, {"name": "b"}]},
            id="several",
        ),
        pytest.param([{"rule": "broken"}, {"rule": "broken", "name": "b"}], {"rule": "broken"}, id="one that has less"),
        pytest.param([{"rule": "a"}, {"name": "b"}], {"any": [{"rule": "a"}, {"name": "b"}]}, id="nothing in common"),
        pytest.param([{"name": "a", "node": ""}], {"name": "a"}, id="a label without a value"),
        pytest.param([{"name": "a*"}], {"name": {"regex": r"a\*"}}, id="a wildcard"),
        pytest.param([{"name": "!a b"}], {"name": {"regex": r"!a\ b"}}, id="a leading mark"),
    ],
)
def test_the_labels_of_alerts_become_a_match_of_them(alerts: list[dict[str, str]], match: dict[str, Any]) -> None:
    assert exactly(alerts) == match


@pytest.mark.parametrize("value", ["a*", "!a b", "a\nb", " a ", "x.y[0]", "été", "(?i)a"])
def test_a_match_of_an_alert_is_of_its_very_text(value: str) -> None:
    matches = label_predicate(read(match=exactly([{"name": value}]), **{"for": "1h"}).match)
    assert [matches({"name": text}) for text in (value, f"{value}x", "ax")] == [True, False, False]


RULES = """
packs: []
self_service: {severities: [info]}
watch: {namespaces: {exclude: ["kube-*"]}}
rules:
  - {name: node, on: resource, match: {kind: Node, condition: {Ready: "False"}}}
  - {name: pod, on: resource, match: {kind: Pod, condition: {Ready: "False"}}}
  - {name: shop, on: event, match: {kind: Pod, reason: [BackOff, Failed], namespace: "shop-*"}}
  - {name: worst, on: event, match: {kind: Pod, reason: Evicted}, severity: critical}
  - {name: off, on: event, match: {kind: Pod, reason: OOMKilling}, enabled: false}
route: {receiver: team}
receivers: {team: [{type: stdout}]}
"""
WHY = "one part of it excludes another, or each rule that is switched on; or its namespaces are not watched"
NEVER = f"match: no alert can ever match it: {WHY}"
EVERYTHING = "match: it would silence everything: name what is to be quiet, as in namespace: shop"


@pytest.mark.parametrize(
    ("match", "error"),
    [
        pytest.param({"namespace": "kube-system"}, NEVER, id="not watched"),
        pytest.param({"kind": "Node", "namespace": "shop-1"}, NEVER, id="Nodes are in no namespace"),
        pytest.param({"rule": "shop", "namespace": "data"}, NEVER, id="another namespace than the rule's"),
        pytest.param({"rule": "shop", "reason": "Killing"}, NEVER, id="another reason than the rule's"),
        pytest.param({"rule": ["node", "pod"], "reason": "Failed"}, NEVER, id="no Events"),
        pytest.param({"rule": "off"}, NEVER, id="a rule that is switched off"),
        pytest.param({"rule": ["pod", "off"], "severity": "critical"}, NEVER, id="a severity that neither has"),
        pytest.param({"rule": "worst", "not": {"severity": "critical"}}, NEVER, id="a severity that is kept"),
        pytest.param({"rule": "planned-change", "severity": "warning"}, NEVER, id="planned changes inform"),
        pytest.param({"kind": "*"}, EVERYTHING, id="any kind"),
        pytest.param({"workload": {"regex": ".+"}}, EVERYTHING, id="any workload"),
        pytest.param({"not": {"name": "*"}}, NEVER, id="no name"),
    ],
)
def test_S82_what_the_rules_say_of_all_their_alerts_is_known(tmp_path: Path, match: object, error: str) -> None:
    with pytest.raises(RefusedError) as caught:
        of_rules(tmp_path, match)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    "match",
    [
        {"namespace": "*"},
        {"not": {"namespace": "*"}},
        {"kind": ["Pod", "Node"]},
        {"rule": "shop", "namespace": "shop-*", "reason": "BackOff"},
        {"rule": "shop", "not": {"reason": "BackOff"}},
        {"rule": "pod", "severity": "info"},
        {"rule": ["shop", "off"]},
        {"severity": ["warning", "critical"]},
        {"rule": "pod", "not": {"any": [{"severity": "critical"}, {"namespace": "data"}]}},
        {"rule": "planned-change", "kind": "Node"},
        {"rule": "planned-change", "namespace": "shop-1", "kind": "Deployment"},
    ],
)
def test_what_may_match_is_made(tmp_path: Path, match: object) -> None:
    assert of_rules(tmp_path, match).match != AllOf(())


def of_rules(folder: Path, match: object) -> Silence:
    path = folder / "kwatch.yaml"
    path.write_text(RULES)
    known = load(path, environ={}).known
    return read_silence({"match": match, "for": "1h"}, known, cluster="stage", owner="alice", now=NOW)
