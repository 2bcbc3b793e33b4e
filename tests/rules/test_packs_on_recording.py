"""The default packs over the recorded cluster: which rules are true of which objects, from when until when."""

from collections.abc import Collection, Mapping

import pytest
from reading import Recording, packs

from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import KubeEvent
from kwatch.rules.compile import RuleSet

Said = tuple[float, Finding]

TELLING = (FindingKind.STATE, FindingKind.OCCURRENCE)


@pytest.fixture(scope="module")
def said() -> tuple[Said, ...]:
    """Everything that the packs say of the recording, in order, with the second."""
    rules = RuleSet(packs(), cluster="lab", label_names=())
    alerts: dict[str, dict[str, set[str]]] = {}

    def open_alerts(ref: ObjectRef) -> Mapping[str, Collection[str]]:
        return alerts.get(ref.uid, {})

    findings: list[Said] = []
    for second, seen, about in Recording(rules).play():
        if isinstance(seen, KubeEvent):
            ref = seen.regarding
            candidates = rules.event_candidates(ref.kind, ref.group, ref.namespace, seen.type, seen.reason)
            found = rules.event_findings(seen, about, candidates, seen.last_at)
        else:
            found = rules.change_findings(seen, about, open_alerts=open_alerts)
        for finding in found:
            findings.append((second, finding))
            if finding.truth is Truth.TRUE and finding.kind in TELLING:
                alerts.setdefault(finding.member.uid, {}).setdefault(finding.rule.id, set()).add(finding.fingerprint)
    return tuple(findings)


def _first(said: tuple[Said, ...], *kinds: FindingKind, truth: Truth) -> list[tuple[float, str, str]]:
    seconds: dict[tuple[str, str], float] = {}
    for second, finding in said:
        if finding.kind in kinds and finding.truth is truth:
            seconds.setdefault((finding.rule.name, str(finding.member)), second)
    return [(second, *what) for what, second in seconds.items()]


def test_ten_problems_and_nothing_else(said: tuple[Said, ...]) -> None:
    """The crash loop of flaky is the eleventh: its failing probe inhibits it."""
    assert _first(said, *TELLING, truth=Truth.TRUE) == [
        (28.4, "oom-killed", "Pod/payments/cache-56bc48689-9msmn"),
        (32.4, "crash-loop", "Pod/payments/worker-64df4f4bb4-rl6n2"),
        (52.4, "image-pull", "Pod/shop/web-cc84446d6-qz8mr"),
        (81.9, "rollout-stuck", "Deployment/shop/web"),
        (110.0, "failed-scheduling", "Pod/platform/huge"),
        (110.2, "failed-mount", "Pod/platform/novolume"),
        (110.6, "container-config-error", "Pod/platform/noconfig"),
        (124.0, "job-failed", "Job/platform/migrate"),
        (129.4, "liveness-probe-failing", "Pod/platform/flaky-5db78d879f-v9bsc"),
        (168.4, "node-not-ready", "Node/node-1"),
        (195.5, "crash-loop", "Pod/platform/flaky-5db78d879f-v9bsc"),
    ]


def test_the_end_of_an_object_is_said_of_each_alert_that_holds_it(said: tuple[Said, ...]) -> None:
    assert _first(said, FindingKind.GONE, truth=Truth.TRUE) == [
        (102.5, "image-pull", "Pod/shop/web-cc84446d6-qz8mr"),
        (191.6, "failed-scheduling", "Pod/platform/huge"),
        (193.5, "crash-loop", "Pod/payments/worker-64df4f4bb4-rl6n2"),
        (193.5, "oom-killed", "Pod/payments/cache-56bc48689-9msmn"),
        (229.9, "rollout-stuck", "Deployment/shop/web"),
    ]


@pytest.mark.parametrize(
    ("rule", "kind", "truth", "last"),
    [
        ("rollout-stuck", FindingKind.STATE, Truth.TRUE, 101.8),
        ("container-config-error", FindingKind.STATE, Truth.FALSE, 193.5),
        ("node-not-ready", FindingKind.STATE, Truth.TRUE, 181.4),
        ("failed-mount", FindingKind.EVIDENCE, Truth.TRUE, 246.6),
        ("liveness-probe-failing", FindingKind.EVIDENCE, Truth.FALSE, 303.7),
        ("oom-killed", FindingKind.STATE, Truth.TRUE, 187.4),
    ],
)
def test_each_end_is_seen(said: tuple[Said, ...], rule: str, kind: FindingKind, truth: Truth, last: float) -> None:
    assert max(t for t, f in said if (f.rule.name, f.kind, f.truth) == (rule, kind, truth)) == last


def test_a_probe_that_fails_again_and_again_is_never_ready_for_long(said: tuple[Said, ...]) -> None:
    evidence = [
        (t, f.truth.value)
        for t, f in said
        if f.rule.name == "liveness-probe-failing" and f.kind is FindingKind.EVIDENCE
    ]
    assert evidence == [
        (129.6, "true"),
        (143.6, "true"),
        (168.5, "false"),
        (182.4, "true"),
        (195.5, "false"),
        (220.5, "true"),
        (233.6, "false"),
        (290.7, "true"),
        (303.7, "false"),
    ]


def test_a_condition_that_gets_its_old_time_back_is_true_since_it_was_received(said: tuple[Said, ...]) -> None:
    back = next(f for t, f in said if t == 182.4 and f.kind is FindingKind.EVIDENCE)
    false = next(f for t, f in said if t == 168.5 and f.kind is FindingKind.EVIDENCE)
    assert 13 < (back.since_at - false.since_at).total_seconds() < 15


def test_alerts_are_named_by_their_workload(said: tuple[Said, ...]) -> None:
    named = {(f.rule.name, f.key_values) for _, f in said if f.kind in TELLING}
    assert named == {
        ("oom-killed", ("payments", "Deployment/cache")),
        ("crash-loop", ("payments", "Deployment/worker")),
        ("image-pull", ("shop", "Deployment/web")),
        ("rollout-stuck", ("shop", "Deployment/web")),
        ("failed-scheduling", ("platform", "Pod/huge")),
        ("failed-mount", ("platform", "Pod/novolume")),
        ("container-config-error", ("platform", "Pod/noconfig")),
        ("job-failed", ("platform", "Job/migrate")),
        ("liveness-probe-failing", ("platform", "Deployment/flaky")),
        ("crash-loop", ("platform", "Deployment/flaky")),
        ("node-not-ready", ("", "Node/node-1")),
    }


def test_findings_show_the_cause(said: tuple[Said, ...]) -> None:
    shown = {f.rule.name: f for _, f in reversed(said) if f.kind in TELLING and f.truth is Truth.TRUE}
    assert shown["crash-loop"].details["exit_code"] == "3"
    assert shown["oom-killed"].details == {"containers": "main", "memory_limit": "64Mi", "restarts": "0"}
    assert shown["image-pull"].details["images"] == "registry.kubetest.local:5000/web:broken"
    assert shown["container-config-error"].details["error"] == 'configmap "absent" not found'
    assert shown["failed-mount"].message == 'MountVolume.SetUp failed for volume "v" : secret "absent" not found'
    assert shown["rollout-stuck"].message == 'ReplicaSet "web-cc84446d6" has timed out progressing.'
    assert shown["failed-scheduling"].message.startswith("0/1 nodes are available: 1 Insufficient cpu.")
    assert shown["job-failed"].message == "Job has reached the specified backoff limit"
    assert shown["node-not-ready"].message == "Kubelet stopped posting node status."


def test_pods_of_a_node_bear_its_name(said: tuple[Said, ...]) -> None:
    """So that the node's alert can inhibit theirs."""
    nodes = {f.rule.name: f.labels.get("node") for _, f in said if f.member.kind in ("Pod", "Node")}
    assert nodes.pop("failed-scheduling") is None
    assert set(nodes.values()) == {"node-1"}
