"""The requests by which the fake API server is compared with a real one, and how answers are made comparable.

The table runs in order against both servers. `{ns}` is a namespace of this run, `{group}` an API group of this run;
`{rv:NAME}`, `{next:NAME}` and `{uid:NAME}` are the resource version, the continue token and the uid in the answer of
an earlier step.

What is different by intent is not in it: the fake speaks no protobuf (415), makes no dry runs, keeps fields as they
come, and its Tables have two columns.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `body`: a mapping, or a text as it is sent."""

    id: str
    method: str
    path: str
    body: Mapping[str, Any] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def get(name: str, path: str, accept: str = JSON) -> Step:
    return Step(name, "GET", path, headers={"Accept": accept})


def post(name: str, path: str, body: Mapping[str, Any] | str, content: str = JSON) -> Step:
    return Step(name, "POST", path, body, {"Content-Type": content})


def put(name: str, path: str, body: Mapping[str, Any]) -> Step:
    return Step(name, "PUT", path, body, {"Content-Type": JSON})


def patch(name: str, path: str, body: Mapping[str, Any] | str, content: str = MERGE) -> Step:
    return Step(name, "PATCH", path, body, {"Content-Type": content})


def delete(name: str, path: str, body: Mapping[str, Any] | None = None) -> Step:
    return Step(name, "DELETE", path, body, {"Content-Type": JSON})


MAPS = "/api/v1/namespaces/{ns}/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
CORE = "/api/v1/namespaces/{ns}/events"
NEW = "/apis/events.k8s.io/v1/namespaces/{ns}/events"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/{group}/v1/namespaces/{ns}/widgets"
WATCH_LIST = "watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
NONE = "fieldSelector=metadata.name%3Dnone"
LIVE = "watch=true&timeoutSeconds=1"


def config_map(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


def lease(name: str, holder: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, **metadata},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
    }


POD = {"kind": "Pod", "namespace": "{ns}", "name": "web-1", "uid": "u-1", "apiVersion": "v1"}
CORE_EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "e1"},
    "involvedObject": POD,
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "type": "Warning",
    "count": 3,
    "firstTimestamp": "2026-01-01T00:00:00Z",
    "lastTimestamp": "2026-01-01T00:01:00Z",
    "source": {"component": "kubelet", "host": "node-1"},
}
NEW_EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "e2"},
    "regarding": POD,
    "reason": "FailedScheduling",
    "note": "0/1 nodes are available",
    "type": "Warning",
    "eventTime": "2026-01-01T00:00:00.123456Z",
    "action": "Scheduling",
    "reportingController": "default-scheduler",
    "reportingInstance": "scheduler-1",
}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.{group}"},
    "spec": {
        "group": "{group}",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
WIDGET = {
    "apiVersion": "{group}/v1",
    "kind": "Widget",
    "metadata": {"name": "w"},
    "spec": {"size": 1},
    "status": {"ready": False},
}

DISCOVERY = (
    get("version", "/version"),
    get("health", "/healthz"),
    get("api-versions", "/api"),
    get("groups", "/apis"),
    get("group", "/apis/apps"),
    get("group-of-two-versions", "/apis/autoscaling"),
    get("core-resources", "/api/v1"),
    get("apps-resources", "/apis/apps/v1"),
    get("events-resources", "/apis/events.k8s.io/v1"),
    get("batch-resources", "/apis/batch/v1"),
    get("no-such-path", "/nope"),
    get("no-such-core-version", "/api/v2"),
    get("no-such-group", "/apis/nope.example.com"),
    get("no-such-group-version", "/apis/nope.example.com/v1"),
    get("no-such-version", "/apis/apps/v9"),
    get("no-such-resource", "/api/v1/widgets"),
    get("cluster-scoped-in-namespace", "/api/v1/namespaces/{ns}/nodes"),
    get("namespaced-without-namespace", "/api/v1/configmaps/x"),
    Step("discovery-is-read-only", "DELETE", "/version"),
)
WRITING = (
    post("create-namespace", "/api/v1/namespaces", {"metadata": {"name": "{ns}"}}),
    post("create-namespace-again", "/api/v1/namespaces", {"metadata": {"name": "{ns}"}}),
    post("create-namespace-bad-name", "/api/v1/namespaces", {"metadata": {"name": "Bad_x"}}),
    post("create-namespace-dots", "/api/v1/namespaces", {"metadata": {"name": "a.b"}}),
    get("get-namespace", "/api/v1/namespaces/{ns}"),
    post("create", MAPS, {**config_map("a", data={"k": "v"}), "metadata": {"name": "a", "labels": {"app": "x"}}}),
    post("create-again", MAPS, config_map("a")),
    post("create-bad-name", MAPS, config_map("A_b")),
    post("create-without-name", MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
    post("create-without-type", MAPS, {"metadata": {"name": "untyped"}}),
    post("create-elsewhere", MAPS, {**config_map("z"), "metadata": {"name": "z", "namespace": "other"}}),
    post("create-other-kind", MAPS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "z"}}),
    post("create-in-no-namespace", "/api/v1/namespaces/{ns}-none/configmaps", config_map("a")),
    post("create-no-body", MAPS, ""),
    post("create-no-json", MAPS, "not json"),
    post("create-media-type", MAPS, "{}", "text/csv"),
    post("create-with-version", MAPS, {**config_map("z"), "metadata": {"name": "z", "resourceVersion": "5"}}),
    post("create-everywhere", "/api/v1/configmaps", config_map("z")),
    get("get", MAPS + "/a"),
    get("get-slash", MAPS + "/a/"),
    get("get-nothing", MAPS + "/none"),
    get("get-not-acceptable", MAPS + "/a", "text/csv"),
    get("get-as-nonsense", MAPS + "/a", "application/json;as=Nonsense;g=meta.k8s.io;v=v1"),
    get("get-metadata", MAPS + "/a", METADATA),
    get("get-future", MAPS + "/a?resourceVersion=99999999"),
    put("replace", MAPS + "/a", {**config_map("a"), "metadata": {"name": "a", "resourceVersion": "{rv:create}"}}),
    put("replace-stale", MAPS + "/a", {**config_map("a"), "metadata": {"name": "a", "resourceVersion": "{rv:create}"}}),
    put("replace-blind", MAPS + "/a", config_map("a", data={"n": "1"})),
    put("replace-nothing", MAPS + "/none", config_map("none")),
    put("replace-other-name", MAPS + "/a", config_map("b")),
    put("replace-other-uid", MAPS + "/a", {**config_map("a"), "metadata": {"name": "a", "uid": "123"}}),
    put("replace-collection", MAPS, config_map("a")),
    patch("patch", MAPS + "/a", {"data": {"n": None, "m": "2"}}),
    patch("patch-nothing-changes", MAPS + "/a", {}),
    patch("patch-stale", MAPS + "/a", {"metadata": {"resourceVersion": "1"}}),
    patch("patch-name", MAPS + "/a", {"metadata": {"name": "b"}}),
    patch("patch-nothing", MAPS + "/none", {}),
    patch("patch-no-json", MAPS + "/a", "nojson"),
    patch("patch-array", MAPS + "/a", "[]"),
    patch("patch-media-type", MAPS + "/a", "{}", JSON),
    delete("delete-nothing", MAPS + "/none"),
    delete("delete-other-uid", MAPS + "/a", {"preconditions": {"uid": "x"}}),
    delete("delete-other-version", MAPS + "/a", {"preconditions": {"resourceVersion": "1"}}),
    delete("delete", MAPS + "/a"),
    delete("delete-again", MAPS + "/a"),
    delete("delete-everywhere", "/api/v1/configmaps"),
    post("post-on-object", MAPS + "/a", config_map("a")),
)
LEASING = (
    post("lease-create", LEASES, lease("l1", "a", labels={"app": "x", "n": "1"})),
    put("lease-swap", LEASES + "/l1", lease("l1", "b", resourceVersion="{rv:lease-create}")),
    put("lease-swap-lost", LEASES + "/l1", lease("l1", "c", resourceVersion="{rv:lease-create}")),
    put("lease-swap-blind", LEASES + "/l1", lease("l1", "c")),
    post("lease-2", LEASES, lease("l2", "a", labels={"app": "y", "n": "2"})),
    post("lease-3", LEASES, lease("l3", "a", labels={"app": "y", "n": "3"})),
    post("lease-4", LEASES, lease("l4", "a")),
)
LISTING = (
    get("list-everything", LEASES),
    get("list-in-no-namespace", "/apis/coordination.k8s.io/v1/namespaces/none/leases"),
    get("list-metadata", LEASES, METADATA_LIST),
    get("list-metadata-page", LEASES + "?limit=1", METADATA_LIST),
    get("page-1", LEASES + "?limit=2"),
    get("page-2", LEASES + "?limit=1&continue={next:page-1}"),
    get("page-3", LEASES + "?limit=5&continue={next:page-2}"),
    get("page-rest", LEASES + "?continue={next:page-1}"),
    get("page-selected", LEASES + "?limit=1&labelSelector=app%3Dy"),
    get("page-version", LEASES + "?limit=2&continue={next:page-1}&resourceVersion={rv:page-1}"),
    get("page-match", LEASES + "?limit=2&continue={next:page-1}&resourceVersionMatch=Exact"),
    get("page-bogus", LEASES + "?limit=2&continue=bogus"),
    get("limit-negative", LEASES + "?limit=-1"),
    get("limit-no-number", LEASES + "?limit=x"),
    get("version-0", LEASES + "?resourceVersion=0&limit=2"),
    get("version-exact", LEASES + "?resourceVersion={rv:lease-2}&resourceVersionMatch=Exact"),
    get("version-and-limit", LEASES + "?resourceVersion={rv:lease-3}&limit=2"),
    get("version-not-older", LEASES + "?resourceVersion={rv:lease-2}&resourceVersionMatch=NotOlderThan"),
    get("match-without-version", LEASES + "?resourceVersionMatch=NotOlderThan"),
    get("match-exact-0", LEASES + "?resourceVersion=0&resourceVersionMatch=Exact"),
    get("match-nonsense", LEASES + "?resourceVersion=1&resourceVersionMatch=Foo"),
    get("version-future", LEASES + "?resourceVersion=99999999"),
    get("version-future-exact", LEASES + "?resourceVersion=99999999&resourceVersionMatch=Exact"),
    get("version-no-number", LEASES + "?resourceVersion=abc"),
    get("version-negative", LEASES + "?resourceVersion=-1"),
    get("initial-events-in-list", LEASES + "?sendInitialEvents=true"),
    *(
        get(f"labels-{number}", LEASES + "?labelSelector=" + selector)
        for number, selector in enumerate(
            (
                "app%3Dx",
                "app%3D%3Dy",
                "app!%3Dx",
                "app",
                "!app",
                "app%20in%20(x,y),n%20notin%20(2)",
                "n%3E1",
                "n%3C3",
                "app%3D",
                "app%20in%20()",
                "a%20b",
                "%3Dx",
                "app%20in%20(x",
                "app%3Dx,",
                "n%20gt%202",
            )
        )
    ),
    *(
        get(f"fields-{number}", LEASES + "?fieldSelector=" + selector)
        for number, selector in enumerate(
            (
                "metadata.name%3Dl1",
                "metadata.name!%3Dl1",
                "metadata.name%3D%3Dl2",
                "metadata.namespace%3D{ns}",
                "metadata.name%3Dl1,metadata.namespace%3Dother",
                "spec.holderIdentity%3Da",
                "metadata.name",
            )
        )
    ),
    *(
        get(f"fields-of-{resource.rpartition('/')[2]}-{number}", f"{resource}?fieldSelector={selector}")
        for resource, selectors in (
            (
                "/api/v1/namespaces/{ns}/pods",
                ("spec.nodeName%3Dn", "status.phase%3DRunning", "involvedObject.name%3Dx"),
            ),
            ("/api/v1/nodes", ("spec.unschedulable%3Dtrue", "status.phase%3Dx")),
            ("/apis/batch/v1/namespaces/{ns}/jobs", ("status.successful%3D1", "reason%3Dx")),
            ("/apis/apps/v1/namespaces/{ns}/deployments", ("status.replicas%3D1",)),
            ("/api/v1/namespaces/{ns}/secrets", ("type%3DOpaque", "data%3Dx")),
        )
        for number, selector in enumerate(selectors)
    ),
)
EVENTS = (
    post("event-core", CORE, CORE_EVENT),
    get("event-core-as-new", NEW + "/e1"),
    post("event-new", NEW, NEW_EVENT),
    get("event-new-as-core", CORE + "/e2"),
    patch("event-series", NEW + "/e2", {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:02:00.000000Z"}}),
    get("event-series-as-core", CORE + "/e2"),
    patch("event-repeat", CORE + "/e1", {"count": 4, "lastTimestamp": "2026-01-01T00:03:00Z"}),
    get("event-repeat-as-new", NEW + "/e1"),
    post("event-new-invalid", NEW, {"metadata": {"name": "e3"}, "reason": "x"}),
    post("event-core-invalid", CORE, {"metadata": {"name": "e4"}, "reason": "x"}),
    post("event-elsewhere", CORE, {"metadata": {"name": "e5"}, "involvedObject": {**POD, "namespace": "other"}}),
    post("event-bare", CORE, {"metadata": {"name": "e6"}, "involvedObject": {"kind": "Pod", "namespace": "{ns}"}}),
    get("event-list-core", CORE),
    get("event-list-new", NEW),
    get("event-page", NEW + "?limit=1"),
    get("event-fields-core", CORE + "?fieldSelector=involvedObject.name%3Dweb-1,type%3DWarning"),
    get("event-fields-new", NEW + "?fieldSelector=regarding.name%3Dweb-1,reason%3DBackOff"),
    get("event-fields-source", CORE + "?fieldSelector=source%3Dkubelet"),
    get("event-fields-of-other-api", NEW + "?fieldSelector=involvedObject.name%3Dweb-1"),
    get("event-fields-unknown", CORE + "?fieldSelector=nope%3D1"),
    get("event-watch-new", f"{NEW}?{WATCH_LIST}&allowWatchBookmarks=true"),
    get("event-watch-core", f"{CORE}?{WATCH_LIST}&allowWatchBookmarks=true"),
)
WATCHING = (
    patch("watched-in", LEASES + "/l4", {"metadata": {"labels": {"app": "y"}}}),
    patch("watched-change", LEASES + "/l4", {"spec": {"holderIdentity": "z"}}),
    patch("watched-out", LEASES + "/l4", {"metadata": {"labels": {"app": "x"}}}),
    delete("watched-gone", LEASES + "/l3"),
    get("watch-from", f"{LEASES}?{LIVE}&resourceVersion={{rv:lease-4}}"),
    get("watch-from-selected", f"{LEASES}?{LIVE}&resourceVersion={{rv:lease-4}}&labelSelector=app%3Dy"),
    get("watch-from-0", f"{LEASES}?{LIVE}&resourceVersion=0&fieldSelector=metadata.name%3Dl1"),
    get("watch-all", f"{LEASES}?{LIVE}&fieldSelector=metadata.name%3Dl1"),
    get("watch-one-collected", f"{LEASES}/l1?{LIVE}"),
    get("watch-future", f"{LEASES}?{LIVE}&resourceVersion=99999999"),
    get("watch-no-version", f"{LEASES}?{LIVE}&resourceVersion=abc"),
    get("watch-bad-timeout", f"{LEASES}?watch=true&timeoutSeconds=x"),
    get("watch-list", f"{LEASES}?{WATCH_LIST}&allowWatchBookmarks=true"),
    get("watch-list-metadata", f"{LEASES}?{WATCH_LIST}&allowWatchBookmarks=true", METADATA),
    get("watch-list-without-bookmarks", f"{LEASES}?{WATCH_LIST}"),
    get("watch-list-from", f"{LEASES}?{WATCH_LIST}&allowWatchBookmarks=true&resourceVersion={{rv:lease-2}}"),
    get("watch-list-without-match", f"{LEASES}?{LIVE}&sendInitialEvents=true"),
    get("watch-list-exact", f"{LEASES}?{LIVE}&sendInitialEvents=true&resourceVersionMatch=Exact"),
    get("watch-match", f"{LEASES}?{LIVE}&resourceVersionMatch=NotOlderThan&resourceVersion=1"),
    get("watch-no-initial", f"{LEASES}?{LIVE}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
    get("watch-continue", f"{LEASES}?{LIVE}&continue=abc"),
    get("watch-limit", f"{LEASES}?{LIVE}&limit=1"),
    *(
        get(f"bookmark-of-{path.rpartition('/')[2]}", f"{path}?{WATCH_LIST}&allowWatchBookmarks=true&{NONE}")
        for path in ("/api/v1/pods", "/api/v1/nodes", "/apis/apps/v1/deployments", "/apis/batch/v1/jobs")
    ),
    get("watch-metadata", f"{LEASES}?{LIVE}", METADATA),
)
DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
#: Paused, so that no controller changes it.
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {
        "paused": True,
        "replicas": 0,
        "selector": {"matchLabels": {"app": "d", "tier": "x"}},
        "template": {
            "metadata": {"labels": {"app": "d", "tier": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
    },
}


#: What kubectl asks for when it creates, applies, edits and scales.
KUBECTL = (
    post(
        "kubectl-create",
        MAPS + "?fieldManager=kubectl-create&fieldValidation=Strict",
        config_map("k", data={"a": "1"}),
    ),
    patch("kubectl-data", MAPS + "/k", {"data": {"a": None, "b": "2"}}, STRATEGIC),
    patch("kubectl-annotated", MAPS + "/k", {"metadata": {"annotations": {"a": "1", "b": "2"}}}, STRATEGIC),
    patch("kubectl-annotation-removed", MAPS + "/k", {"metadata": {"annotations": {"a": None}}}, STRATEGIC),
    patch("kubectl-united", MAPS + "/k", {"metadata": {"finalizers": ["x.io/a", "x.io/b"]}}, STRATEGIC),
    patch("kubectl-united-again", MAPS + "/k", {"metadata": {"finalizers": ["x.io/b", "x.io/c"]}}, STRATEGIC),
    patch(
        "kubectl-values-removed",
        MAPS + "/k",
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a", "x.io/b", "x.io/c"]}},
        STRATEGIC,
    ),
    patch("kubectl-mapping-replaced", MAPS + "/k", {"data": {"$patch": "replace", "c": "3"}}, STRATEGIC),
    patch("kubectl-mapping-removed", MAPS + "/k", {"data": {"$patch": "delete"}}, STRATEGIC),
    patch("kubectl-mapping-emptied", MAPS + "/k", {"metadata": {"annotations": {"$patch": "replace"}}}, STRATEGIC),
    delete("kubectl-deleted", MAPS + "/k"),
    Step("deployment", "POST", DEPLOYMENTS, DEPLOYMENT, {"Content-Type": JSON, "Accept": METADATA}),
    get("scale-get", DEPLOYMENTS + "/d/scale"),
    patch("scale-patch", DEPLOYMENTS + "/d/scale", {"spec": {"replicas": 2}}),
    patch("scale-stale", DEPLOYMENTS + "/d/scale", {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}}),
    get("scale-after", DEPLOYMENTS + "/d/scale"),
    get("scale-generation", DEPLOYMENTS + "/d", METADATA),
    get("scale-of-nothing", DEPLOYMENTS + "/none/scale"),
)
CUSTOM = (
    post("crd-create", CRDS, CRD),
    post("crd-create-again", CRDS, CRD),
    get("crd-established", CRDS + "/widgets.{group}"),
    get("crd-group", "/apis/{group}"),
    get("crd-resources", "/apis/{group}/v1"),
    post("cr-create", WIDGETS, WIDGET),
    post("cr-without-version", WIDGETS, {key: value for key, value in WIDGET.items() if key != "apiVersion"}),
    get("cr-as-protobuf-or-json", WIDGETS + "/w", f"{PROTOBUF},{JSON}"),
    patch("cr-strategic", WIDGETS + "/w", {}, STRATEGIC),
    post("cr-other-kind", WIDGETS, {**WIDGET, "kind": "Gadget"}),
    post("cr-bad-name", WIDGETS, {**WIDGET, "metadata": {"name": "Bad"}}),
    patch("cr-spec", WIDGETS + "/w", {"spec": {"size": 2}}),
    patch("cr-labels", WIDGETS + "/w", {"metadata": {"labels": {"a": "b"}}}),
    patch("cr-spec-and-status", WIDGETS + "/w", {"spec": {"size": 9}, "status": {"ready": True}}),
    patch("cr-status", WIDGETS + "/w/status", {"spec": {"size": 99}, "status": {"ready": True}}),
    get("cr-get-status", WIDGETS + "/w/status"),
    get("cr-no-subresource", WIDGETS + "/w/nope"),
    get("cr-list", WIDGETS),
    get("cr-list-metadata", WIDGETS, METADATA_LIST),
    get("cr-table", WIDGETS, TABLE),
    get("cr-fields", WIDGETS + "?fieldSelector=spec.size%3D1"),
    put("cr-blind", WIDGETS + "/w", WIDGET),
    get("cr-watch", f"{WIDGETS}?{WATCH_LIST}&allowWatchBookmarks=true"),
    patch("cr-finalizer", WIDGETS + "/w", {"metadata": {"finalizers": ["example.com/x"]}}),
    delete("cr-delete-held", WIDGETS + "/w"),
    get("cr-held", WIDGETS + "/w"),
    patch("cr-release", WIDGETS + "/w", {"metadata": {"finalizers": None}}),
    get("cr-gone", WIDGETS + "/w"),
    post("cr-second", WIDGETS, {**WIDGET, "metadata": {"name": "v"}}),
    delete("cr-delete", WIDGETS + "/v"),
)
REVIEWS = (
    post(
        "access-review",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}},
        },
    ),
    delete("delete-collection", LEASES + "?labelSelector=app%3Dx"),
    get("after-delete-collection", LEASES),
    delete("delete-namespace", "/api/v1/namespaces/{ns}"),
)
TABLE_OF_REQUESTS: tuple[Step, ...] = (
    *WRITING,
    *DISCOVERY,
    *LEASING,
    *LISTING,
    *WATCHING,
    *EVENTS,
    *KUBECTL,
    *CUSTOM,
    *REVIEWS,
)

#: Values that differ from server to server and run to run; whether they are there is compared all the same.
VOLATILE = frozenset({"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime"}) | {
    "continue",
    "storageVersionHash",
    "serverAddress",
    "gitCommit",
    "gitTreeState",
    "gitVersion",
    "goVersion",
    "buildDate",
}


def comparable(status: int, content_type: str, body: bytes) -> Any:
    """Return an answer without what legitimately differs: a mapping of status, type and decoded body or frames."""
    text = body.decode()
    head = {"status": status, "type": content_type}
    if not content_type.startswith("application/json"):
        return {**head, "body": text}
    return {**head, "frames": [_without_volatile(value) for value in _values(text) if not _is_periodic(value)]}


def _is_periodic(frame: Any) -> bool:
    """Return whether it is a bookmark that the server's own clock sends; the one that ends a list is annotated."""
    is_bookmark = isinstance(frame, dict) and frame.get("type") == "BOOKMARK"
    return is_bookmark and not frame["object"]["metadata"].get("annotations")


def _values(text: str) -> Iterator[Any]:
    """Decode JSON values that follow one another, on one line each or over several."""
    at, decoder = 0, json.JSONDecoder()
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def _without_volatile(value: Any) -> Any:
    match value:
        case dict():
            return {
                key: "…" if key in VOLATILE and part else _without_volatile(part)
                for key, part in value.items()
                if key != "managedFields"
            }
        case list():
            return [_without_volatile(part) for part in value if not _is_of_this_run(part)]
        case str():
            return _text(value)
    return value


def _is_of_this_run(value: Any) -> bool:
    """Whether it is the API group of a custom resource in a list of groups: others may have made theirs."""
    return isinstance(value, dict) and "preferredVersion" in value and value["name"].endswith(".example.com")


def _text(text: str) -> str:
    """Cut what an error says of JSON in its parser's own words, of versions, uids and ages."""
    text = re.sub(r"(json parse error|error decoding patch): .*", r"\1: …", text)
    text = re.sub(r"current: \d+|\(\d+\)|in record \([^)]*\)|UID in object meta: \S+", "…", text)
    return "an age" if re.fullmatch(r"\d+s", text) else text


def filled(text: str, names: Mapping[str, str]) -> str:
    """Replace `{ns}`, `{rv:NAME}` and the like; other braces stay."""
    return re.sub(r"\{([a-z]+(?::[a-z0-9-]+)?)\}", lambda found: names.get(found[1], found[0]), text)


def learned(step: Step, body: bytes) -> dict[str, str]:
    """Return the names that later steps may use, from an answer that is one object or list."""
    try:
        metadata = json.loads(body).get("metadata", {})
    except (ValueError, AttributeError):
        return {}
    words = (("rv", "resourceVersion"), ("next", "continue"), ("uid", "uid"))
    return {f"{short}:{step.id}": metadata[field] for short, field in words if metadata.get(field)}
