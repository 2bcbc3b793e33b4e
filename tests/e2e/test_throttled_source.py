"""A crash loop that the kubelet no longer tells of: silence does not end it, and the Pod does as soon as it runs.

Nine containers that crash spend the 25 Warnings about a Pod within half a minute; the next is five minutes away.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.desk import Desk, open_desk
from tests.e2e.kube import Kube, spec
from tests.e2e.settings import settings
from tests.e2e.shipped import Kwatch
from tests.e2e.waiting import until
from tests.realcluster import RealCluster

pytestmark = pytest.mark.node

#: The same Events ended by silence and by what the Pod shows, and Events of a source that holds nothing back.
RULES = """
packs: []
rules:
  - {name: by-quiet, on: event, match: {reason: BackOff, kind: Pod}, quiet: 30s}
  - name: by-state
    on: event
    match: {reason: BackOff, kind: Pod}
    resolve: {condition: {Ready: "True"}}
    resolve_hold: 5s
  - {name: unthrottled, on: event, match: {reason: FailedScheduling, kind: Pod}, quiet: 30s}
"""
NAMESPACE = "throttled"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
#: What the containers run, as the workload's script, so that it can change under them. A script gets its own path as
#: well: no number, so that `exit` ends with 0.
CRASHES, RUNS = "#!/workload exit\n", "#!/workload pause\n"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """What must end whatever happens."""
    with ExitStack() as stack:
        yield stack


def make_crash_loop(kube: Kube, program: Path) -> None:
    """Make a Pod of nine containers (of ten the kubelet would combine the Events) that run a program of the node."""
    program.parent.mkdir()
    program.write_text(CRASHES)
    program.chmod(0o755)
    mount = {"name": "host", "mountPath": "/host"}
    (container,) = spec(command=[f"/host/{program.name}"], volumeMounts=[mount])["containers"]
    containers = [{**container, "name": name} for name in "abcdefghi"]
    volume = {"name": "host", "hostPath": {"path": str(program.parent)}}
    kube.ask("POST", PODS, {"metadata": {"name": "loop"}, "spec": {"containers": containers, "volumes": [volume]}})


def restarts(kube: Kube) -> int:
    """Return how often the container was restarted that was restarted least."""
    statuses = kube.ask("GET", f"{PODS}/loop")["status"].get("containerStatuses", [{"restartCount": 0}])
    return min(status["restartCount"] for status in statuses)


def warnings(kube: Kube) -> int:
    """Return how many crashes the kubelet has told of: with each write one more, until it holds them back."""
    events = kube.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=reason%3DBackOff")["items"]
    return sum(event["count"] for event in events)


def told(desk: Desk) -> list[tuple[str, str, dict[str, str]]]:
    """Return the kind, the place and the state of each alert of all messages."""
    return [
        (document["kind"], document["place"], {alert["rule"]: alert["state"] for alert in document["alerts"]})
        for document in desk.hook.documents
    ]


def throttled(kwatch: Kwatch) -> dict[str, bool]:
    """Return the open alerts by rule, and whether their end is not observable."""
    return {alert["rule"]: alert["throttled"] for alert in json.loads(kwatch.get("/api/v1/alerts"))["alerts"]}


def test_a_throttled_crash_loop_ends_when_its_pod_runs_and_not_before(
    real_node: RealCluster, desk: Desk, ending: ExitStack, tmp_path: Path
) -> None:
    kube = Kube(real_node.kubeconfig)
    kube.namespace(NAMESPACE)
    kwatch = Kwatch(tmp_path, settings(tmp_path, desk, NAMESPACE, RULES), real_node.kubeconfig)
    ending.callback(kwatch.end)
    kwatch.start()
    program = real_node.folder / "programs" / "loop"
    make_crash_loop(kube, program)
    ending.callback(lambda: kube.delete(f"{PODS}/loop"))
    until(lambda: warnings(kube) == 25, 60, "the last Event that the kubelet may write")
    kube.pod(NAMESPACE, "huge", node_selector={"disk": "none"})

    loops = ("firing", "throttled/Pod/loop", {"by-quiet": "firing", "by-state": "firing"})
    waits = ("firing", "throttled/Pod/huge", {"unthrottled": "firing"})
    quiet = ("resolved", "throttled/Pod/huge", {"unthrottled": "resolved"})
    until(lambda: told(desk) == [loops, waits, quiet], 90, "the quiet of a source that holds nothing back")
    crashed = restarts(kube)
    until(lambda: restarts(kube) > crashed, 60, "a crash that nobody tells of")
    assert warnings(kube) == 25
    assert told(desk) == [loops, waits, quiet]
    assert throttled(kwatch) == {"by-quiet": True, "by-state": False}

    program.write_text(RUNS)
    runs = ("update", "throttled/Pod/loop", {"by-quiet": "firing", "by-state": "resolved"})
    until(lambda: told(desk) == [loops, waits, quiet, runs], 60, "the end that the Pod shows")
    assert throttled(kwatch) == {"by-quiet": True}
