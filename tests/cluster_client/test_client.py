"""What is asked of the API server, and what its answers mean."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from kwatch.cluster.client import KubeClient
from kwatch.cluster.discovery import Discovery
from kwatch.errors import ClusterError, ForbiddenError, GoneError, UnauthorizedError
from kwatch.model.objects import Resource, Source
from kwatch.testing import virtual
from tests.watch.wires import Answer, ScriptedWire, body_of, failed, page, pod

POD = Resource("", "v1", "Pod", "pods", namespaced=True)
DEPLOYMENT = Resource("apps", "v1", "Deployment", "deployments", namespaced=True)
_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    return virtual.run(main)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, UnauthorizedError), (403, ForbiddenError), (410, GoneError), (404, ClusterError), (500, ClusterError)],
)
def test_a_status_becomes_an_error(status: int, kind: type[ClusterError]) -> None:
    client = KubeClient(ScriptedWire(failed(status, "because")))
    with pytest.raises(kind, match="because") as caught:
        run(client.get("/version"))
    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_retry_after_is_read_in_seconds(header: str, seconds: float | None) -> None:
    with pytest.raises(ClusterError) as caught:
        run(KubeClient(ScriptedWire(failed(429, retry_after=header))).get("/version"))
    assert caught.value.retry_after == seconds


def test_an_error_without_a_status_object_still_says_something() -> None:
    with pytest.raises(ClusterError, match="the API server answered 502"):
        run(KubeClient(ScriptedWire(Answer([b"<html>"], 502))).get("/version"))


def test_an_answer_that_is_no_json_is_an_error() -> None:
    with pytest.raises(ClusterError, match="no valid answer"):
        run(KubeClient(ScriptedWire(Answer([b"<html>"]))).get("/version"))


@pytest.mark.parametrize(
    ("source", "path", "accept"),
    [
        (Source(POD), "/api/v1/pods", "application/json"),
        (Source(POD, "shop"), "/api/v1/namespaces/shop/pods", "application/json"),
        (
            Source(DEPLOYMENT, metadata_only=True),
            "/apis/apps/v1/deployments",
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        ),
    ],
)
def test_a_list_asks_for_its_source(source: Source, path: str, accept: str) -> None:
    wire = ScriptedWire(page(version=9))

    async def main() -> None:
        async for _ in KubeClient(wire).list_pages(source):
            pass

    run(main())
    assert (wire.asked[0].path, wire.asked[0].headers["Accept"]) == (path, accept)
    assert wire.asked[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("items", [None, []])
def test_a_list_may_have_no_items(items: list[Any] | None) -> None:
    async def main() -> list[int]:
        client = KubeClient(ScriptedWire(body_of({"metadata": {"resourceVersion": "9"}, "items": items})))
        return [len(each.items) async for each in client.list_pages(Source(POD))]

    assert run(main()) == [0]


def test_a_metadata_only_watch_asks_for_partial_objects() -> None:
    wire = ScriptedWire(Answer([]))

    async def main() -> None:
        async with KubeClient(wire).watch(
            Source(POD, metadata_only=True), resource_version="5", initial=False, timeout_seconds=300, read_timeout=80
        ):
            pass

    run(main())
    assert wire.asked[0].headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert wire.asked[0].query == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "300",
        "resourceVersion": "5",
    }


def test_a_fetch_gives_the_object_or_nothing() -> None:
    wire = ScriptedWire(body_of(pod("a", 1)), failed(404), failed(500))

    async def main() -> list[bool]:
        client = KubeClient(wire)
        found = [await client.fetch(POD, "shop", "a/b", metadata_only=True, timeout=2) is not None for _ in range(2)]
        with pytest.raises(ClusterError):
            await client.fetch(POD, "shop", "a", metadata_only=True, timeout=2)
        return found

    assert run(main()) == [True, False]
    assert wire.asked[0].path == "/api/v1/namespaces/shop/pods/a%2Fb"


# Discovery

ALL = ["get", "list", "watch"]


def aggregated(*groups: tuple[str, str, list[tuple[str, str]]]) -> Answer:
    return body_of(
        {
            "kind": "APIGroupDiscoveryList",
            "items": [
                {
                    "metadata": {"name": group},
                    "versions": [
                        {
                            "version": version,
                            "resources": [
                                {
                                    "resource": plural,
                                    "responseKind": {"kind": kind},
                                    "scope": "Namespaced",
                                    "verbs": ALL,
                                }
                                for kind, plural in kinds
                            ],
                        }
                    ],
                }
                for group, version, kinds in groups
            ],
        }
    )


def resources(*kinds: tuple[str, str]) -> Answer:
    listed = [{"name": plural, "kind": kind, "namespaced": True, "verbs": ALL} for kind, plural in kinds]
    no_watch = {"name": "bindings", "kind": "Binding", "namespaced": True, "verbs": ["create"]}
    part = {"name": "pods/status", "kind": "Pod", "namespaced": True, "verbs": ALL}
    return body_of({"kind": "APIResourceList", "resources": [part, no_watch, *listed]})


CORE = ("", "v1", [("Pod", "pods"), ("Event", "events")])
EVENTS = ("events.k8s.io", "v1", [("Event", "events")])
CERTIFICATES = ("cert-manager.io", "v1", [("Certificate", "certificates")])


def test_kinds_are_found_by_kind_and_by_kind_and_group() -> None:
    async def main() -> None:
        discovery = Discovery(KubeClient(ScriptedWire(aggregated(CORE), aggregated(EVENTS, CERTIFICATES))))
        certificate = Resource("cert-manager.io", "v1", "Certificate", "certificates", namespaced=True)
        assert await discovery.resolve("Pod") == POD
        assert await discovery.resolve("Certificate") == certificate
        assert await discovery.resolve("Certificate.cert-manager.io") == certificate
        assert await discovery.resolve("Event") == Resource("", "v1", "Event", "events", namespaced=True)
        assert await discovery.resolve("Nope") is None

    run(main())


@pytest.mark.parametrize(("groups", "group"), [([EVENTS], "events.k8s.io"), ([], "")])
def test_D6_Events_are_watched_through_one_api(groups: list[Any], group: str) -> None:
    async def main() -> None:
        events = await Discovery(KubeClient(ScriptedWire(aggregated(CORE), aggregated(*groups)))).events()
        assert events == Resource(group, "v1", "Event", "events", namespaced=True)

    run(main())


def test_a_kind_that_is_installed_later_is_found_by_a_refresh() -> None:
    async def main() -> None:
        wire = ScriptedWire(aggregated(CORE), aggregated(), aggregated(CORE), aggregated(CERTIFICATES))
        discovery = Discovery(KubeClient(wire))
        assert await discovery.resolve("Certificate.cert-manager.io") is None
        await discovery.refresh()
        assert await discovery.resolve("Certificate.cert-manager.io") is not None

    run(main())


def test_an_older_server_is_asked_group_by_group() -> None:
    group = {
        "name": "autoscaling",
        "versions": [{"version": "v1"}, {"version": "v2"}],
        "preferredVersion": {"version": "v2"},
    }
    broken = {"name": "metrics.k8s.io", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}}
    wire = ScriptedWire(
        body_of({"kind": "APIVersions", "versions": ["v1"]}),
        resources(("Pod", "pods")),
        body_of({"kind": "APIGroupList", "groups": [broken, group]}),
        failed(503),
        resources(("HorizontalPodAutoscaler", "horizontalpodautoscalers")),
        resources(("HorizontalPodAutoscaler", "horizontalpodautoscalers")),
    )

    async def main() -> None:
        discovery = Discovery(KubeClient(wire))
        assert await discovery.resolve("Pod") == POD
        assert await discovery.resolve("Binding") is None
        scaler = await discovery.resolve("HorizontalPodAutoscaler.autoscaling")
        assert scaler is not None
        assert scaler.version == "v2"

    run(main())
    assert [asked.path for asked in wire.asked[3:]] == [
        "/apis/metrics.k8s.io/v1",
        "/apis/autoscaling/v2",
        "/apis/autoscaling/v1",
    ]


def test_a_discovery_document_in_another_form_is_an_error_and_what_was_known_stays() -> None:
    async def main() -> None:
        broken = body_of({"kind": "APIGroupDiscoveryList", "items": [{"versions": [{"resources": [{}]}]}, 3]})
        wire = ScriptedWire(aggregated(CORE), aggregated(), aggregated(CORE), broken)
        discovery = Discovery(KubeClient(wire))
        await discovery.refresh()
        with pytest.raises(ClusterError):
            await discovery.refresh()
        assert await discovery.resolve("Pod") == POD

    run(main())
