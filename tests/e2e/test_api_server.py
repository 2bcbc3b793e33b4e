"""kwatch's client and the shipped command against a real API server; no node is needed."""

import asyncio
import json
import urllib.error
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kwatch.clock import SystemClock
from kwatch.cluster.client import KubeClient
from kwatch.cluster.credentials import load_credentials
from kwatch.cluster.http import AiohttpWire
from kwatch.errors import UnauthorizedError
from kwatch.model.objects import Batch, Resource, Source, WatchEvent, WatchEventType
from kwatch.telemetry import Counters
from kwatch.watch.frames import OBJECTS
from kwatch.watch.stream import Stream, StreamSettings
from tests.e2e.desk import Desk, open_desk
from tests.e2e.kube import Kube
from tests.e2e.settings import settings
from tests.e2e.shipped import Kwatch
from tests.e2e.waiting import until
from tests.realcluster import RealCluster

pytestmark = pytest.mark.cluster

CONFIG_MAP = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
LISTED, ADDED, DELETED = WatchEventType.LISTED, WatchEventType.ADDED, WatchEventType.DELETED
SYNCED, LOST = WatchEventType.SYNCED, WatchEventType.LOST


@pytest.fixture
def kube(real_cluster: RealCluster) -> Kube:
    return Kube(real_cluster.kubeconfig)


# The client


def with_user(cluster: RealCluster, path: Path, user: dict[str, str]) -> Path:
    """Write a kubeconfig of somebody else for the same server."""
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": user}]
    path.write_text(json.dumps(config))
    return path


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[KubeClient]:
    wire = AiohttpWire(await load_credentials(kubeconfig, None))
    try:
        yield KubeClient(wire)
    finally:
        await wire.close()


def ask(kubeconfig: Path, question: Callable[[KubeClient], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        async with connected(kubeconfig) as client:
            return await question(client)

    return asyncio.run(main())


def make_maps(kube: Kube, namespace: str, *names: str) -> None:
    for name in names:
        kube.ask("POST", f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": name}})


def namespace_with_maps(kube: Kube, namespace: str, *names: str) -> Source:
    """Make a namespace with ConfigMaps, one of which Kubernetes makes itself."""
    kube.namespace(namespace)
    own = f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt"
    until(lambda: kube.exists(own), 20, own)
    make_maps(kube, namespace, *names)
    return Source(CONFIG_MAP, namespace)


def test_a_token_of_a_kubeconfig_lets_in(real_cluster: RealCluster) -> None:
    answer = ask(real_cluster.kubeconfig, lambda client: client.get("/api/v1/namespaces/default"))
    assert answer["metadata"]["name"] == "default"


def test_a_client_certificate_lets_in(real_cluster: RealCluster, tmp_path: Path) -> None:
    pki = real_cluster.folder / "pki"
    user = {"client-certificate": str(pki / "client.crt"), "client-key": str(pki / "client.key")}
    kubeconfig = with_user(real_cluster, tmp_path / "config", user)
    who = ask(kubeconfig, lambda client: client.get("/api/v1/namespaces/default"))
    assert who["metadata"]["name"] == "default"


def test_a_wrong_token_is_unauthorized(real_cluster: RealCluster, tmp_path: Path) -> None:
    kubeconfig = with_user(real_cluster, tmp_path / "config", {"token": "wrong"})
    with pytest.raises(UnauthorizedError):
        ask(kubeconfig, lambda client: client.get("/api/v1/namespaces/default"))


def test_a_list_comes_by_pages_of_one_version(real_cluster: RealCluster, kube: Kube) -> None:
    source = namespace_with_maps(kube, "pages", "a", "b", "c", "d", "e", "f", "g")

    async def pages(client: KubeClient) -> list[Any]:
        return [page async for page in client.list_pages(source, limit=3)]

    found = ask(real_cluster.kubeconfig, pages)
    names = [[json.loads(bytes(item))["metadata"]["name"] for item in page.items] for page in found]
    assert names == [["a", "b", "c"], ["d", "e", "f"], ["g", "kube-root-ca.crt"]]
    assert len({page.resource_version for page in found}) == 1


# The watch


class Seen:
    """What a stream has put; `is_enough` is set once that is what was waited for."""

    def __init__(self, enough: Callable[["Seen"], bool]) -> None:
        self.events: list[WatchEvent] = []
        self.version = ""
        self.is_enough = asyncio.Event()
        self._enough = enough

    async def put(self, batch: Batch) -> None:
        self.events += batch.events
        self.version = batch.resource_version
        if self._enough(self):
            self.is_enough.set()

    @property
    def brief(self) -> list[tuple[WatchEventType, str]]:
        """Types and names."""
        return [(event.type, event.body["metadata"]["name"] if event.body else "") for event in self.events]


def watched(
    kubeconfig: Path, source: Source, enough: Callable[[Seen], bool], *, resume_from: str = "", pages: bool = False
) -> Seen:
    """Run a stream until it has put enough."""
    seen = Seen(enough)

    async def main() -> None:
        async with connected(kubeconfig) as client:
            client.has_watch_list = not pages
            stream = Stream(
                client,
                source,
                clock=SystemClock(),
                rng=Random(0),
                decode=OBJECTS,
                settings=StreamSettings(page=2),
                counters=Counters(),
            )
            running = asyncio.create_task(stream.run(resume_from, seen.put))
            async with asyncio.timeout(30):
                await seen.is_enough.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
    return seen


def in_sync(seen: Seen) -> bool:
    return any(event.type is SYNCED for event in seen.events)


@pytest.mark.parametrize(("namespace", "pages"), [("as-watch", False), ("as-pages", True)])
def test_a_list_is_the_same_as_a_watch_and_by_pages(
    real_cluster: RealCluster, kube: Kube, namespace: str, pages: bool
) -> None:
    source = namespace_with_maps(kube, namespace, "a", "b", "c")
    seen = watched(real_cluster.kubeconfig, source, in_sync, pages=pages)
    assert seen.brief == [(LISTED, "a"), (LISTED, "b"), (LISTED, "c"), (LISTED, "kube-root-ca.crt"), (SYNCED, "")]
    assert seen.events[-1].resource_version


def test_a_watch_goes_on_where_it_was(real_cluster: RealCluster, kube: Kube) -> None:
    source = namespace_with_maps(kube, "resume", "a")
    first = watched(real_cluster.kubeconfig, source, in_sync)
    make_maps(kube, "resume", "b")
    kube.delete("/api/v1/namespaces/resume/configmaps/a")
    again = watched(real_cluster.kubeconfig, source, lambda seen: len(seen.events) >= 3, resume_from=first.version)
    assert again.brief == [(SYNCED, ""), (ADDED, "b"), (DELETED, "a")]


def test_a_version_that_is_gone_is_listed_anew(real_cluster: RealCluster, kube: Kube) -> None:
    """A new API server's cache begins now; what came before it is answered with 410."""
    source = namespace_with_maps(kube, "gone", "a")
    first = watched(real_cluster.kubeconfig, source, in_sync)
    make_maps(kube, "gone", "b")
    kube.delete("/api/v1/namespaces/gone/configmaps/a")
    real_cluster.run("restart", "kube-apiserver")
    until(lambda: is_up(kube), 60, "the API server")
    again = watched(real_cluster.kubeconfig, source, in_sync, resume_from=first.version)
    assert again.brief == [(LISTED, "b"), (LISTED, "kube-root-ca.crt"), (SYNCED, "")]


# The shipped command


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """What must end whatever happens."""
    with ExitStack() as stack:
        yield stack


def unschedulable(kube: Kube, namespace: str, name: str) -> None:
    """Make a Pod that is told: there is no node."""
    kube.pod(namespace, name)


def told(desk: Desk) -> list[tuple[str, str]]:
    return desk.everything()[0]


def role(kube: Kube, name: str, *rules: dict[str, list[str]]) -> None:
    body = {"metadata": {"name": name}, "rules": [{**rule, "verbs": ["get", "list", "watch"]} for rule in rules]}
    kube.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", body)
    kube.ask(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "denied"}],
        },
    )


def may_list_pods(user: Kube) -> bool:
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}
    answer = user.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def test_a_kind_that_is_forbidden_is_missed_alone(
    real_cluster: RealCluster, kube: Kube, desk: Desk, ending: ExitStack, tmp_path: Path
) -> None:
    kube.namespace("denied")
    some = {"apiGroups": ["", "apps", "batch", "events.k8s.io"]}
    workloads = ["deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs"]
    role(kube, "some", {**some, "resources": ["pods", *workloads, "events"]})
    account = "/api/v1/namespaces/denied/serviceaccounts/default/token"
    token = kube.ask("POST", account, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"})
    kubeconfig = with_user(real_cluster, tmp_path / "config", {"token": token["status"]["token"]})
    until(lambda: may_list_pods(Kube(kubeconfig)), 20, "the API server to know the role")
    kwatch = Kwatch(tmp_path, settings(tmp_path, desk, "denied"), kubeconfig)
    ending.callback(kwatch.end)
    kwatch.start()

    report = kwatch.ready()
    refused = [source for source in report["sources"] if not source["ok"]]
    assert report["status"] == "degraded"
    assert [(source["id"], source["state"]) for source in refused] == [("v1/nodes", "forbidden")]
    assert "nodes is forbidden" in refused[0]["error"]
    unschedulable(kube, "denied", "huge")
    itself = ("meta", "e2e")
    until(lambda: told(desk) == [("firing", "denied/Pod/huge"), itself], 30, "the Pod, and the refusal")

    role(kube, "more", {"apiGroups": [""], "resources": ["nodes"]})
    until(lambda: kwatch.ready()["status"] == "ready", 60, "the nodes")
    until(lambda: told(desk) == [("firing", "denied/Pod/huge"), itself, itself], 90, "the end of the refusal")


WIDGET_GROUP = "/apis/example.com/v1"
WIDGETS = """
rules:
  - name: widget-broken
    on: resource
    match: {kind: Widget.example.com, fields: {"spec.state": broken}}
    resolve_hold: 1s
    annotations: {summary: "{{ name }} is broken", next_step: "repair {{ name }}"}
"""


def install(kube: Kube) -> None:
    """Define the kind, and wait until it is served."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kube.ask(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        },
    )
    until(lambda: kube.exists(f"{WIDGET_GROUP}/namespaces/widgets/widgets"), 20, "the CRD")


def widget(state: str) -> dict[str, Any]:
    metadata = {"name": "cog"}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": {"state": state}}


def uninstall(kube: Kube) -> None:
    """Take the kind back: the cluster is the session's."""
    kube.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com")
    until(lambda: "example.com" not in {group["name"] for group in kube.ask("GET", "/apis")["groups"]}, 30, "its end")


def test_a_kind_that_is_installed_later_is_watched(
    real_cluster: RealCluster, kube: Kube, desk: Desk, ending: ExitStack, tmp_path: Path
) -> None:
    text = settings(tmp_path, desk, "widgets", WIDGETS)
    kwatch = Kwatch(
        tmp_path, text.replace("watch: {", "watch: {resources: [Widget.example.com], "), real_cluster.kubeconfig
    )
    ending.callback(kwatch.end)
    kube.namespace("widgets")
    kwatch.start()
    install(kube)
    ending.callback(uninstall, kube)
    kube.ask("POST", f"{WIDGET_GROUP}/namespaces/widgets/widgets", widget("broken"))
    until(lambda: told(desk) == [("firing", "widgets/Widget/cog")], 60, "the widget")
    assert desk.hook.documents[0]["alerts"][0]["cause"] == "cog is broken"
    assert desk.hook.documents[0]["alerts"][0]["next_step"] == "repair cog"
    repaired = {"spec": {"state": "whole"}}
    kube.ask("PATCH", f"{WIDGET_GROUP}/namespaces/widgets/widgets/cog", repaired, "application/merge-patch+json")
    end = [("firing", "widgets/Widget/cog"), ("resolved", "widgets/Widget/cog")]
    until(lambda: told(desk) == end, 30, "the repair")


def test_a_kind_that_is_removed_is_gone_and_kwatch_stays_ready(
    real_cluster: RealCluster, kube: Kube, desk: Desk, ending: ExitStack, tmp_path: Path
) -> None:
    kwatch = Kwatch(tmp_path, settings(tmp_path, desk, "removed", WIDGETS), real_cluster.kubeconfig)
    ending.callback(kwatch.end)
    kube.namespace("removed")
    install(kube)
    kube.ask("POST", f"{WIDGET_GROUP}/namespaces/removed/widgets", widget("broken"))
    kwatch.start()
    until(lambda: told(desk) == [("summary", "removed/Widget/cog")], 60, "the widget")
    uninstall(kube)
    end = [("resolved", "removed/Widget/cog"), ("summary", "removed/Widget/cog")]
    until(lambda: told(desk) == end, 30, "its end")
    missing = "not served (yet): Widget.example.com"
    until(lambda: kwatch.ready()["sources"][0]["error"] == missing, 60, "the kind to be missed")
    assert kwatch.ready()["status"] == "ready"


NOTES = """
rules:
  - {name: failed-scheduling, for: 1s, resolve_hold: 1s}
  - {name: lost, on: event, match: {reason: Lost, type: Warning}, mode: notice, key: [namespace, workload]}
"""


def note(kube: Kube, namespace: str, about: str) -> None:
    """Write an Event through events.k8s.io about a ConfigMap."""
    kube.ask(
        "POST",
        f"/apis/events.k8s.io/v1/namespaces/{namespace}/events",
        {
            "metadata": {"name": f"{about}.1"},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "example.com/e2e",
            "reportingInstance": "e2e-1",
            "action": "Looking",
            "reason": "Lost",
            "type": "Warning",
            "regarding": {"apiVersion": "v1", "kind": "ConfigMap", "namespace": namespace, "name": about},
            "note": f"{about} is lost",
        },
    )


def is_up(kube: Kube) -> bool:
    try:
        return kube.exists("/api/v1/namespaces/default")
    except (urllib.error.URLError, ConnectionError):
        return False


def test_nothing_is_lost_or_told_twice_when_the_api_server_dies(
    real_cluster: RealCluster, kube: Kube, desk: Desk, ending: ExitStack, tmp_path: Path
) -> None:
    """What is there before stays told; what comes and goes as soon as the server is back is told once."""
    kwatch = Kwatch(tmp_path, settings(tmp_path, desk, "dies", NOTES), real_cluster.kubeconfig)
    ending.callback(kwatch.end)
    kube.namespace("dies")
    kwatch.start()
    for name in ("stays", "goes"):
        unschedulable(kube, "dies", name)
    make_maps(kube, "dies", "before", "after", "last")
    note(kube, "dies", "before")
    before = [("firing", "dies/Pod/goes"), ("firing", "dies/Pod/stays"), ("notice", "dies/ConfigMap/before")]
    until(lambda: told(desk) == before, 30, "what is there before")
    assert desk.told("dies/ConfigMap/before").documents[0]["alerts"][0]["message"] == "before is lost"

    real_cluster.run("signal", "kube-apiserver", "KILL")
    until(lambda: kwatch.ready()["status"] == "not ready", 30, "kwatch to notice")
    real_cluster.run("restart", "kube-apiserver")
    until(lambda: is_up(kube), 60, "the API server")
    note(kube, "dies", "after")
    kube.delete("/api/v1/namespaces/dies/pods/goes")
    until(lambda: kwatch.ready()["status"] == "ready", 90, "kwatch to be back")
    after = [*before, ("notice", "dies/ConfigMap/after"), ("resolved", "dies/Pod/goes")]
    until(lambda: len(told(desk)) >= len(after), 30, "what came meanwhile")

    note(kube, "dies", "last")
    complete = sorted([*after, ("notice", "dies/ConfigMap/last")])
    until(lambda: len(told(desk)) >= len(complete), 30, "what came last")
    assert told(desk) == complete


def test_Events_of_which_the_server_forgot_the_versions_meanwhile_are_told_once(
    real_cluster: RealCluster, kube: Kube, desk: Desk, ending: ExitStack, tmp_path: Path
) -> None:
    """The version at which kwatch goes on is gone (410), so all Events are listed anew."""
    kwatch = Kwatch(tmp_path, settings(tmp_path, desk, "away", NOTES), real_cluster.kubeconfig)
    ending.callback(kwatch.end)
    kube.namespace("away")
    make_maps(kube, "away", "before", "meanwhile", "last")
    kwatch.start()
    note(kube, "away", "before")
    until(lambda: told(desk) == [("notice", "away/ConfigMap/before")], 30, "the first Event")
    kwatch.stop()
    note(kube, "away", "meanwhile")
    make_maps(kube, "away", "later")
    real_cluster.run("compact")
    kwatch.start()
    assert "The resourceVersion for the provided watch is too old" in kwatch.log
    note(kube, "away", "last")
    places = [("notice", f"away/ConfigMap/{name}") for name in ("before", "last", "meanwhile")]
    until(lambda: len(told(desk)) >= len(places), 30, "the Events")
    assert told(desk) == places
    late = {document["place"]: document["is_late"] for document in desk.hook.documents}
    assert late == {
        "away/ConfigMap/before": False,
        "away/ConfigMap/last": False,
        "away/ConfigMap/meanwhile": True,
    }
