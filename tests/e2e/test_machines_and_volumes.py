"""A node that was rebooted, and a volume that no driver attaches: two rules of the packs on a real node."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.desk import Desk, open_desk
from tests.e2e.kube import Kube, spec
from tests.e2e.settings import settings
from tests.e2e.shipped import Kwatch
from tests.e2e.waiting import until
from tests.realcluster import RealCluster

pytestmark = pytest.mark.node

NAMESPACE = "volumes"
POD = f"/api/v1/namespaces/{NAMESPACE}/pods/db"
DRIVER = "disks.example.com"
REFUSAL = "disk-1 is attached to another machine"


@pytest.fixture
def desk(real_node: RealCluster, tmp_path: Path) -> Iterator[Desk]:
    """Those that are told, by a kwatch with the packs as they are shipped."""
    with open_desk() as desk:
        kwatch = Kwatch(tmp_path, settings(tmp_path, desk, NAMESPACE, rules=""), real_node.kubeconfig)
        try:
            kwatch.start()
            yield desk
        finally:
            kwatch.end()


@pytest.fixture
def kube(real_node: RealCluster) -> Kube:
    return Kube(real_node.kubeconfig)


def told(desk: Desk) -> list[tuple[str, str]]:
    """Return of each message its kind, and what happened where."""
    return [
        (document["kind"], f"{alert['where']}: {alert['cause']}")
        for document in desk.hook.documents
        for alert in document["alerts"]
    ]


def make_pod_with_disk(kube: Kube) -> None:
    """Let a Pod ask for a volume of a driver that has to attach it, and is on no node."""
    kube.ask(
        "POST",
        "/apis/storage.k8s.io/v1/csidrivers",
        {"metadata": {"name": DRIVER}, "spec": {"attachRequired": True, "podInfoOnMount": False}},
    )
    size: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    volume = {
        **size,
        "capacity": {"storage": "1Gi"},
        "csi": {"driver": DRIVER, "volumeHandle": "disk-1"},
        "claimRef": {"namespace": NAMESPACE, "name": "disk"},
    }
    kube.ask("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "disk-1"}, "spec": volume})
    claim = {**size, "volumeName": "disk-1", "resources": {"requests": {"storage": "1Gi"}}}
    claims = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
    kube.ask("POST", claims, {"metadata": {"name": "disk"}, "spec": claim})
    mounted = spec("pause", volumeMounts=[{"name": "disk", "mountPath": "/disk"}])
    volumes = [{"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}]
    body = {"metadata": {"name": "db"}, "spec": {**mounted, "volumes": volumes}}
    kube.ask("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", body)


def refuse_to_attach(kube: Kube) -> None:
    """Answer the request for the volume as the attacher of its driver would."""
    path = "/apis/storage.k8s.io/v1/volumeattachments"
    (asked,) = until(lambda: kube.ask("GET", path)["items"], 30, "the request for the volume")
    status = {"attached": False, "attachError": {"message": REFUSAL}}
    kube.patch(f"{path}/{asked['metadata']['name']}/status", {"status": status})


def test_a_volume_that_cannot_be_attached_is_told_until_its_pod_is_gone(kube: Kube, desk: Desk) -> None:
    kube.namespace(NAMESPACE)
    make_pod_with_disk(kube)
    refuse_to_attach(kube)
    cause = (
        f'A volume of Pod/db cannot be attached to its node: AttachVolume.Attach failed for volume "disk-1" : {REFUSAL}'
    )
    firing = ("firing", f"volumes/Pod/db: {cause}")
    until(lambda: told(desk), 60, "the volume")
    assert told(desk) == [firing]
    kube.delete(POD)
    until(lambda: len(told(desk)) == 2, 60, "its end")
    assert told(desk) == [firing, ("resolved", f"volumes/Pod/db: {cause}")]


def test_a_node_that_was_rebooted_is_told_once(kube: Kube, desk: Desk) -> None:
    """Its kubelet finds another boot id than the one that the Node has."""
    kube.patch("/api/v1/nodes/node-1/status", {"status": {"nodeInfo": {"bootID": "that of yesterday"}}})
    until(lambda: told(desk), 60, "the reboot")
    assert told(desk) == [("notice", "Node/node-1: Node node-1 was rebooted.")]
