"""What goes wrong on a real node, as people are told of it in Slack, by a webhook and by mail at the same time.

One kwatch, stopped and started and killed in between, watches five workloads that begin to fail together. The tests
tell one story in the order of the file; each waits for what it needs, so that it can also be run alone.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.desk import Desk, Told, open_desk
from tests.e2e.kube import Kube
from tests.e2e.plain import plain
from tests.e2e.settings import settings
from tests.e2e.shipped import Kwatch
from tests.e2e.waiting import until
from tests.realcluster import RealCluster

pytestmark = pytest.mark.node


@dataclass(frozen=True, slots=True)
class Incident:
    """A problem: how it is caused and ended, and what must be said of it. Texts are as `plain` leaves them."""

    place: str
    rule: str
    cause: Callable[[Kube], None]
    remedy: Callable[[Kube], None]
    facts: dict[str, str]
    ended: str
    severity: str = "warning"


def crash(kube: Kube) -> None:
    kube.namespace("e2e-crash")
    kube.deployment("e2e-crash", "worker", "exit", "3", "200ms")


def eat(kube: Kube) -> None:
    kube.namespace("e2e-oom")
    kube.deployment("e2e-oom", "cache", "eat", "64", resources={"limits": {"memory": "16Mi"}})


#: Nothing serves this registry.
ABSENT = "registry.kubetest.local:5000/shop/web:v9"


def pull(kube: Kube) -> None:
    kube.namespace("e2e-image")
    kube.deployment("e2e-image", "web", image=ABSENT, imagePullPolicy="IfNotPresent")


def pull_for_a_pod(kube: Kube, namespace: str) -> None:
    kube.namespace(namespace)
    kube.pod(namespace, "web", image=ABSENT, imagePullPolicy="IfNotPresent")


def correct_the_pod(kube: Kube, namespace: str) -> None:
    change = {"spec": {"containers": [{"name": "main", "image": "kubetest.local/workload:1"}]}}
    kube.patch(f"/api/v1/namespaces/{namespace}/pods/web", change)


def ask_for_a_disk(kube: Kube) -> None:
    kube.namespace("e2e-scheduling")
    kube.pod("e2e-scheduling", "huge", node_selector={"disk": "ssd"})


def label_the_node(kube: Kube) -> None:
    kube.patch("/api/v1/nodes/node-1", {"metadata": {"labels": {"disk": "ssd"}}})


def roll_out(kube: Kube) -> None:
    kube.namespace("e2e-rollout")
    kube.deployment("e2e-rollout", "api", "pause", deadline=5)
    path = "/apis/apps/v1/namespaces/e2e-rollout/deployments/api"
    until(lambda: kube.ask("GET", path)["status"].get("availableReplicas"), 30, "the first version")
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
    kube.set_container("e2e-rollout", "api", "serve", ":8080", "9999s", readinessProbe=probe)


INCIDENTS = [
    Incident(
        place="e2e-crash/Deployment/worker",
        rule="crash-loop",
        cause=crash,
        remedy=lambda kube: kube.set_container("e2e-crash", "worker", "pause"),
        facts={
            "Cause": "A container of Deployment/worker keeps crashing with exit code 3.",
            "Means": "The container ended again and again soon after its start, so the kubelet waits longer and longer "
            "(up to five minutes) before the next one. Its own log says why it ended.",
            "Next": "kubectl logs -n e2e-crash worker-POD --all-containers --previous --ignore-errors",
            "Where": "e2e-crash/Deployment/worker",
            "Node": "node-1",
            "Affected": "worker-POD",
            "Exit code": "3",
            "Exit reason": "Error",
            "Restarts": "N",
            "Images": "kubetest.local/workload:1",
        },
        ended="the object is gone",
    ),
    Incident(
        place="e2e-oom/Deployment/cache",
        rule="oom-killed",
        cause=eat,
        remedy=lambda kube: kube.set_container("e2e-oom", "cache", "pause"),
        facts={
            "Cause": "A container of Deployment/cache was killed because it used more memory than its limit (16Mi).",
            "Means": "The kernel's OOM killer ended the container (reason OOMKilled). Either the limit is too low for "
            "the work that it does, or it leaks memory; each restart will end in the same way.",
            "Next": "kubectl top pod -n e2e-oom cache-POD --containers; then raise resources.limits.memory of "
            "Deployment/cache or lower its use.",
            "Where": "e2e-oom/Deployment/cache",
            "Node": "node-1",
            "Affected": "cache-POD",
            "Containers": "main",
            "Memory limit": "16Mi",
            "Restarts": "N",
        },
        ended="the object is gone",
    ),
    Incident(
        place="e2e-image/Deployment/web",
        rule="image-pull",
        cause=pull,
        remedy=lambda kube: kube.set_container("e2e-image", "web", "pause"),
        facts={
            "Cause": "An image of Deployment/web cannot be pulled (registry.kubetest.local:5000/shop/web:v9).",
            "Means": "The node cannot get the image: its name or tag is wrong, it was never pushed, the registry "
            "cannot be reached, or the Pod has no valid imagePullSecrets for it.",
            "Next": "kubectl describe pod -n e2e-image web-POD; then correct the image of Deployment/web or its "
            "imagePullSecrets.",
            "Where": "e2e-image/Deployment/web",
            "Node": "node-1",
            "Affected": "web-POD",
            "Error": 'failed to pull and unpack image "registry.kubetest.local:5000/shop/web:v9": failed to resolve '
            'reference "registry.kubetest.local:5000/shop/web:v9": failed to do request: Head '
            '"http://127.0.0.1:5000/v2/shop/web/manifests/v9?ns=registry.kubetest.local%3A5000": dial tcp '
            "127.0.0.1:5000: connect: connection refused",
            "Images": "registry.kubetest.local:5000/shop/web:v9",
        },
        ended="the object is gone",
    ),
    Incident(
        place="e2e-scheduling/Pod/huge",
        rule="failed-scheduling",
        cause=ask_for_a_disk,
        remedy=label_the_node,
        facts={
            "Cause": "No node can take huge: 0/1 nodes are available: 1 node(s) didn't match Pod's node "
            "affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not "
            "helpful for scheduling.",
            "Means": "The scheduler found no node with room for the Pod's requests that its selectors, affinities, "
            "tolerations and volumes allow, or a volume claim of the Pod is missing or has no volume. The message "
            "counts the reasons by node.",
            "Next": "kubectl describe pod -n e2e-scheduling huge; kubectl describe nodes (Allocated resources, "
            "Taints); kubectl get pvc -n e2e-scheduling",
            "Where": "e2e-scheduling/Pod/huge",
            "Message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to "
            "deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        },
        ended="it is healthy again",
    ),
    Incident(
        place="e2e-rollout/Deployment/api",
        rule="rollout-stuck",
        cause=roll_out,
        remedy=lambda kube: kube.set_container("e2e-rollout", "api", "pause", readinessProbe=None),
        facts={
            "Cause": "The rollout of Deployment/api is stuck: its new Pods did not become available in time.",
            "Means": "For progressDeadlineSeconds no further Pod of the new version became available. The old version "
            "goes on serving as far as maxUnavailable allows; nothing is rolled back by itself.",
            "Next": "kubectl describe pods -n e2e-rollout (of the new ReplicaSet) says why; kubectl rollout status -n "
            "e2e-rollout deployment/api; to go back: kubectl rollout undo -n e2e-rollout deployment/api",
            "Where": "e2e-rollout/Deployment/api",
            "Replicas": "1",
            "Updated": "1",
            "Available": "1",
            "Images": "kubetest.local/workload:1",
            "Conditions": 'Deployment has minimum availability., ReplicaSet "api-SET" has timed out progressing.',
            "Message": 'ReplicaSet "api-SET" has timed out progressing.',
        },
        ended="it is healthy again",
    ),
]

NODE = Incident(
    place="Node/node-1",
    rule="node-not-ready",
    cause=lambda _: None,  # a signal, which takes the cluster and not its API
    remedy=lambda _: None,
    facts={
        "Cause": "Node node-1 is not ready: Kubelet stopped posting node status.",
        "Means": "Its kubelet says that it cannot run Pods, or says nothing at all (Unknown): the machine, its network "
        "or the kubelet is down. After five minutes its Pods are started elsewhere.",
        "Next": "kubectl describe node node-1 (Conditions); then look at the machine and at its kubelet's log",
        "Where": "Node/node-1",
        "Kubelet": "v1.35.4",
        "Message": "Kubelet stopped posting node status.",
    },
    ended="it is healthy again",
    severity="critical",
)


@dataclass(slots=True)
class Story:
    """What the tests share: a cluster, a kwatch, those that it tells, and what they must have been told by now."""

    cluster: RealCluster
    kube: Kube
    kwatch: Kwatch
    desk: Desk
    kinds: dict[str, list[str]] = field(default_factory=dict)  # by place

    def opened(self, incident: Incident) -> Told:
        """Wait until an incident has been told everywhere; return what was told."""
        self.kinds.setdefault(incident.place, ["firing"])
        return self.told(incident.place, (1, 1, 0, 1), 90)

    def told(self, place: str, counts: tuple[int, int, int, int], seconds: float) -> Told:
        """Wait until so much was told about a place, and nothing more."""
        until(lambda: self.desk.told(place).counts >= counts, seconds, f"{place}: {counts}")
        told = until(lambda: _if(self.desk.told(place), counts), 10, f"{place} at all three: {counts}")
        assert told.kinds == self.kinds[place]
        return told


def _if(told: Told, counts: tuple[int, int, int, int]) -> Told | None:
    return told if told.counts == counts else None


@pytest.fixture(scope="module")
def story(real_node: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Five workloads that begin to fail, watched."""
    folder = tmp_path_factory.mktemp("story")
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk())
        kwatch = Kwatch(folder, settings(folder, desk, "e2e-*"), real_node.kubeconfig)
        stack.callback(kwatch.end)
        kube = Kube(real_node.kubeconfig)
        kwatch.start()
        for incident in INCIDENTS:
            incident.cause(kube)
        yield Story(real_node, kube, kwatch, desk)


each_incident = pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.rule)


@each_incident
def test_a_problem_is_told_with_object_cause_and_next_step(story: Story, incident: Incident) -> None:
    assert_opening(story.opened(incident), incident)


def test_restarts_with_open_alerts_tell_nothing(story: Story) -> None:
    """Five ends by SIGTERM and one by SIGKILL; a last incident shows that what came before it has been decided."""
    for incident in INCIDENTS:
        story.opened(incident)
    before = story.desk.everything()
    for _ in range(5):
        story.kwatch.stop()
        story.kwatch.start()
    story.kwatch.kill()
    story.kwatch.start()
    begin(story, "e2e-after/Pod/huge")
    for arrived, earlier in zip(story.desk.everything(), before, strict=True):
        assert [each for each in arrived if "e2e-after" not in str(each)] == earlier


@each_incident
def test_its_end_is_told_in_the_same_thread_when_the_cause_is_removed(story: Story, incident: Incident) -> None:
    opening = story.opened(incident)
    incident.remedy(story.kube)
    assert_ending(end(story, incident.place), opening, incident)


def test_what_happens_while_kwatch_is_stopped_is_told_late_with_its_true_time(story: Story) -> None:
    story.kwatch.stop()
    before = datetime.now(UTC).replace(microsecond=0)
    pull_for_a_pod(story.kube, "e2e-late")
    story.kube.pod("e2e-late", "huge", node_selector={"disk": "none"})
    until(lambda: _waits(story.kube, "e2e-late", "web") == "ImagePullBackOff", 60, "the image")
    until(lambda: _condition(story.kube, "e2e-late", "huge", "PodScheduled"), 20, "the scheduler")
    story.kwatch.start()
    began = _condition(story.kube, "e2e-late", "huge", "PodScheduled")["lastTransitionTime"]
    scheduling = assert_late(story, "e2e-late/Pod/huge")
    assert scheduling == datetime.fromisoformat(began)
    assert before <= assert_late(story, "e2e-late/Pod/web") <= scheduling + timedelta(seconds=5)


def assert_late(story: Story, place: str) -> datetime:
    """Wait until a place has been told, late at all three; return since when it is said to be so."""
    story.kinds[place] = ["firing"]
    told = story.told(place, (1, 1, 0, 1), 60)
    note = "late: began at TIME while kwatch was not watching"
    assert told.documents[0]["is_late"]
    assert plain(told.documents[0]["text"]).splitlines()[1] == note
    assert note in plain(told.roots[0].all_text).splitlines()
    assert note in plain(text_of(told.mails[0])).splitlines()
    return datetime.fromisoformat(told.documents[0]["starts_at"])


def test_what_ends_while_kwatch_is_stopped_is_told_in_its_thread(story: Story) -> None:
    place = "e2e-ended/Pod/web"
    pull_for_a_pod(story.kube, "e2e-ended")
    story.kinds[place] = ["firing"]
    opening = story.told(place, (1, 1, 0, 1), 60)
    story.kwatch.stop()
    correct_the_pod(story.kube, "e2e-ended")
    until(lambda: _condition(story.kube, "e2e-ended", "web", "Ready").get("status") == "True", 30, "the Pod")
    story.kwatch.start()
    assert_threaded(end(story, place), opening)


def test_a_node_that_falls_silent_is_one_problem(story: Story) -> None:
    """Its Pods, which are then not ready either, are no problems of their own."""
    story.kube.namespace("e2e-node")
    story.kube.deployment("e2e-node", "web", "pause")
    path = "/apis/apps/v1/namespaces/e2e-node/deployments/web"
    until(lambda: story.kube.ask("GET", path)["status"].get("availableReplicas"), 30, "the Deployment")
    story.cluster.run("signal", "kubelet", "STOP")
    try:
        opening = story.opened(NODE)
        assert_opening(opening, NODE)
        until(lambda: not story.kube.ask("GET", path)["status"].get("availableReplicas"), 30, "its Pods to be away")
        assert story.desk.told(NODE.place).counts == (1, 1, 0, 1)
    finally:
        story.cluster.run("signal", "kubelet", "CONT")
    assert_ending(end(story, NODE.place), opening, NODE)


def test_nothing_else_was_told(story: Story) -> None:
    """A last incident shows that everything before it has been decided; then the lists are complete."""
    begin(story, "e2e-last/Pod/huge")
    told, _, mails = story.desk.everything()
    assert told == sorted((kind, place) for place, kinds in story.kinds.items() for kind in kinds)
    assert len(mails) == len(told)
    assert len(story.desk.slack.roots()) == len(story.kinds)
    assert len(story.desk.slack.messages) == len(told)
    assert story.desk.slack.errors == []
    assert story.kwatch.ready()["status"] == "ready"


# Acts


def begin(story: Story, place: str) -> None:
    """Let a Pod not be scheduled, and wait until that is told."""
    namespace = place.partition("/")[0]
    story.kube.namespace(namespace)
    story.kube.pod(namespace, "huge", node_selector={"disk": "none"})
    story.kinds[place] = ["firing"]
    story.told(place, (1, 1, 0, 1), 60)


def end(story: Story, place: str) -> Told:
    """Wait until an end is told everywhere."""
    story.kinds[place] = ["firing", "resolved"]
    return story.told(place, (2, 1, 1, 2), 60)


def _pod(kube: Kube, namespace: str, name: str) -> dict[str, Any]:
    status: dict[str, Any] = kube.ask("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]
    return status


def _waits(kube: Kube, namespace: str, name: str) -> str:
    """Return why the container of a Pod waits."""
    containers = _pod(kube, namespace, name).get("containerStatuses", ())
    return "".join(each["state"].get("waiting", {}).get("reason", "") for each in containers)


def _condition(kube: Kube, namespace: str, name: str, type_: str) -> dict[str, Any]:
    """Return a condition of a Pod; empty while it has none of this type."""
    conditions = _pod(kube, namespace, name).get("conditions", ())
    return next((each for each in conditions if each["type"] == type_), {})


# What was told


def assert_opening(told: Told, incident: Incident) -> None:
    document, root, mail = told.documents[0], as_posted(told.roots[0]), told.mails[0]
    glyph = {"warning": "🟠", "critical": "🔴"}[incident.severity]
    title = f"{glyph} {incident.severity.upper()} · {incident.rule} · {incident.place}"
    assert [plain(root.text), plain(document["title"])] == [f"{title} · since TIME"] * 2
    subject = f"[e2e] {incident.severity}: {incident.rule} {incident.place}, since TIME"
    assert plain(mail["Subject"]).strip() == subject
    assert (document["sequence"], document["is_late"], document["severity"]) == (1, False, incident.severity)
    text = lines("FIRING since TIME (SPAN)", incident, incident.facts)
    assert plain(document["text"]).splitlines() == text
    said = [text[0], title, "", *text[1:]]
    assert plain(text_of(mail)).splitlines()[: len(said)] == said
    seen = plain(root.all_text)
    assert "FIRING since TIME (SPAN)" in seen
    facts = {label: text for label, text in incident.facts.items() if label != "Message"}
    assert [label for label, text in facts.items() if label not in seen or text not in seen] == []
    assert incident.facts.get("Message", "") in seen
    page = plain(html.unescape(mail.get_body(("html",)).get_content()))
    assert [text for text in incident.facts.values() if text not in page] == []


def assert_ending(told: Told, opening: Told, incident: Incident) -> None:
    assert_threaded(told, opening)
    document = told.documents[1]
    title = f"✅ RESOLVED after SPAN · {incident.rule} · {incident.place}"
    assert [plain(document["title"]), plain(told.roots[0].text), plain(told.replies[0].text)] == [title] * 3
    rest = {label: said for label, said in incident.facts.items() if label not in {"Cause", "Means", "Next", "Message"}}
    facts = {"Was": incident.facts["Cause"], "Ended": incident.ended, **rest}
    text = lines("RESOLVED after SPAN: TIME to TIME", incident, facts)
    assert settled(document["text"]) == settled("\n".join(text))
    said = [text[0], title, "", *text[1:]]
    assert settled(text_of(told.mails[1]))[: len(said)] == settled("\n".join(said))
    ending = f"RESOLVED after SPAN: TIME to TIME, {incident.ended}"
    assert ending in plain(told.replies[0].all_text).splitlines()


def assert_threaded(told: Told, opening: Told) -> None:
    """The end belongs to the opening, in the way of each of the three."""
    first, last = told.documents
    assert (first["id"], first["incident"]) == (opening.documents[0]["id"], opening.documents[0]["incident"])
    assert (last["incident"], last["sequence"]) == (first["incident"], 2)
    assert told.roots[0].ts == opening.roots[0].ts
    assert len(told.roots[0].edits) == 1
    first_mail, last_mail = told.mails
    assert first_mail["Message-ID"] == opening.mails[0]["Message-ID"] != last_mail["Message-ID"]
    assert last_mail["In-Reply-To"] == last_mail["References"] == first_mail["Message-ID"]
    assert last_mail["Subject"] == first_mail["Subject"]


def as_posted(root: Any) -> Any:
    """Return a message of Slack as it was before it was edited."""
    return root.edits[0] if root.edits else root


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


def lines(status: str, incident: Incident, facts: Mapping[str, str]) -> list[str]:
    """Return the whole text of a message about an incident."""
    said = {label: text for label, text in facts.items() if label != "Message"}
    tail = {"Rule": incident.rule, "Message": facts.get("Message", ""), "Cluster": "e2e"}
    return [status, *(f"{label:12} {text}" for label, text in {**said, **tail}.items() if text)]


def settled(text: str) -> list[str]:
    """Return the lines of a text whose details were read at another time."""
    return [re.sub(r"back-off \S+ ", "back-off AGAIN ", line) for line in plain(text).splitlines()]
