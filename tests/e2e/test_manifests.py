"""The manifests for a cluster: a real API server takes each, and what kwatch watches it may read as their account."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.kube import Kube
from tests.e2e.shipped import Kwatch
from tests.realcluster import RealCluster

pytestmark = pytest.mark.cluster

FOLDER = Path(__file__).parents[2] / "deploy" / "manifests"
#: Plural of each kind that is applied, after the folder of its group; cluster-wide ones have no namespace.
PLACES = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/kwatch/serviceaccounts",
    "PersistentVolumeClaim": "/api/v1/namespaces/kwatch/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/kwatch/deployments",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/kwatch/networkpolicies",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}
ACCOUNT = "system:serviceaccount:kwatch:kwatch"


def documents() -> Iterator[Mapping[str, Any]]:
    """Yield every object of the manifests; what kustomize reads itself is none."""
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name not in ("kustomization.yaml", "config.yaml"):
            yield from yaml.safe_load_all(path.read_text())


def apply(kube: Kube, document: Mapping[str, Any], query: str) -> Any:
    path = f"{PLACES[document['kind']]}/{document['metadata']['name']}?fieldManager=test&fieldValidation=Strict&{query}"
    return kube.ask("PATCH", path, document, "application/apply-patch+yaml")


@pytest.fixture(scope="module")
def kube(real_cluster: RealCluster) -> Iterator[Kube]:
    """A cluster with the namespace, the account and its role."""
    kube = Kube(real_cluster.kubeconfig)
    mine = {document["kind"]: document for document in documents()}
    kube.ask("POST", "/api/v1/namespaces", mine["Namespace"])
    with ExitStack() as stack:
        stack.callback(kube.delete, "/api/v1/namespaces/kwatch")
        for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding"):
            apply(kube, mine[kind], "")
            stack.callback(kube.delete, f"{PLACES[kind]}/kwatch")
        yield kube


@pytest.mark.parametrize("document", tuple(documents()), ids=lambda document: document["kind"])
def test_a_real_server_takes_it(kube: Kube, document: Mapping[str, Any]) -> None:
    assert apply(kube, document, "dryRun=All&force=true")["kind"] == document["kind"]


def test_its_Pod_is_allowed_where_the_namespace_is_restricted(kube: Kube) -> None:
    (deployment,) = (document for document in documents() if document["kind"] == "Deployment")
    pod = {**deployment["spec"]["template"], "apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = {**pod["metadata"], "name": "kwatch"}
    answer = kube.ask("POST", "/api/v1/namespaces/kwatch/pods?dryRun=All&fieldValidation=Strict", pod)
    assert answer["spec"]["serviceAccountName"] == "kwatch"


def is_allowed(kube: Kube, verb: str, source: str) -> bool:
    """Ask the server whether the account may do that to a source: `v1/pods`, `apps/v1/deployments`."""
    *group, _, plural = source.split("/")
    asked = {"verb": verb, "group": "".join(group), "resource": plural}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    review = kube.ask("POST", path, {"spec": {"user": ACCOUNT, "resourceAttributes": asked}})
    return bool(review["status"].get("allowed"))


@pytest.mark.parametrize("more", ["", "self_service: {}\n"], ids=["as it is", "with self-service"])
def test_all_that_is_watched_the_account_may_read(
    real_cluster: RealCluster, kube: Kube, tmp_path: Path, more: str
) -> None:
    token = kube.ask("POST", f"{PLACES['ServiceAccount']}/kwatch/token", {"kind": "TokenRequest"})["status"]["token"]
    kubeconfig = tmp_path / "config"
    config = json.loads(real_cluster.kubeconfig.read_text())
    kubeconfig.write_text(json.dumps({**config, "users": [{"name": "admin", "user": {"token": token}}]}))
    shipped = (FOLDER / "config.yaml").read_text().replace("/var/lib/kwatch", "state")
    kwatch = Kwatch(tmp_path, f'{shipped}web: {{listen: "127.0.0.1:0"}}\n{more}', kubeconfig)
    try:
        report = kwatch.start().ready()
    finally:
        kwatch.end()
    watched = [source["id"] for source in report["sources"] if source["id"] != "discovery"]
    assert report["status"] == "ready"
    verbs = ("get", "list", "watch")
    assert [source for source in watched if not all(is_allowed(kube, verb, source) for verb in verbs)] == []
    assert {"v1/pods", "v1/nodes", "apps/v1/statefulsets", "apps/v1/daemonsets", "events.k8s.io/v1/events"} < {*watched}


@pytest.mark.parametrize(("verb", "source"), [("list", "v1/secrets"), ("list", "v1/configmaps"), ("delete", "v1/pods")])
def test_more_it_may_not(kube: Kube, verb: str, source: str) -> None:
    assert not is_allowed(kube, verb, source)
