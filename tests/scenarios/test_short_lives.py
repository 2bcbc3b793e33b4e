"""What lives for a moment only is seen, of whatever kind (T36)."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.certificates import DEFINITION
from tests.scenarios.plays import HOOK, play

#: All that an API server 1.35 lets be created and watched, but Events and CRDs; and one kind that a CRD adds.
NAMESPACED = (
    *("v1 ConfigMap", "v1 Endpoints", "v1 LimitRange", "v1 PersistentVolumeClaim", "v1 Pod", "v1 PodTemplate"),
    *("v1 ReplicationController", "v1 ResourceQuota", "v1 Secret", "v1 Service", "v1 ServiceAccount"),
    *("apps/v1 ControllerRevision", "apps/v1 DaemonSet", "apps/v1 Deployment", "apps/v1 ReplicaSet"),
    *("apps/v1 StatefulSet", "autoscaling/v2 HorizontalPodAutoscaler", "batch/v1 CronJob", "batch/v1 Job"),
    *("coordination.k8s.io/v1 Lease", "discovery.k8s.io/v1 EndpointSlice", "networking.k8s.io/v1 Ingress"),
    *("networking.k8s.io/v1 NetworkPolicy", "policy/v1 PodDisruptionBudget"),
    *("rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 RoleBinding"),
    *("resource.k8s.io/v1 ResourceClaim", "resource.k8s.io/v1 ResourceClaimTemplate"),
    *("storage.k8s.io/v1 CSIStorageCapacity", "cert-manager.io/v1 Certificate"),
)
OF_THE_CLUSTER = (
    *("v1 Namespace", "v1 Node", "v1 PersistentVolume", "apiregistration.k8s.io/v1 APIService"),
    *("admissionregistration.k8s.io/v1 MutatingWebhookConfiguration", "networking.k8s.io/v1 IngressClass"),
    *("admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy", "networking.k8s.io/v1 IPAddress"),
    *("admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding", "networking.k8s.io/v1 ServiceCIDR"),
    *("admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration", "node.k8s.io/v1 RuntimeClass"),
    "certificates.k8s.io/v1 CertificateSigningRequest",
    *("flowcontrol.apiserver.k8s.io/v1 FlowSchema", "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration"),
    *("rbac.authorization.k8s.io/v1 ClusterRole", "rbac.authorization.k8s.io/v1 ClusterRoleBinding"),
    *("resource.k8s.io/v1 DeviceClass", "resource.k8s.io/v1 ResourceSlice", "scheduling.k8s.io/v1 PriorityClass"),
    *("storage.k8s.io/v1 CSIDriver", "storage.k8s.io/v1 CSINode", "storage.k8s.io/v1 StorageClass"),
    *("storage.k8s.io/v1 VolumeAttachment", "storage.k8s.io/v1 VolumeAttributesClass"),
)
RULES = """
packs: []
rules:
  - {name: came, on: resource, match: {kind: KIND, name: x, change: created}, mode: notice}
  - {name: went, on: resource, match: {kind: KIND, name: x, change: deleted}, mode: notice}
"""


def played(folder: Path, served: str, **where: str) -> Stage:
    """Let an object live for 50 ms."""
    api_version, kind = served.split()
    group = api_version.rpartition("/")[0]
    stage, _ = play(folder, RULES.replace("KIND", f"{kind}.{group}" if group else kind) + HOOK)
    stage.cluster.apply(DEFINITION)
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", **where}}
    stage.apply(0, manifest)
    stage.at(0.05, lambda: stage.cluster.delete(manifest))
    stage.run(until=600)
    return stage


@pytest.mark.parametrize("served", NAMESPACED)
def test_T36_an_object_that_lives_50_ms_is_seen_come_and_go(tmp_path: Path, served: str) -> None:
    stage, kind = played(tmp_path, served, namespace="shop"), served.split()[1]
    assert stage.lines == [f"0 hook notice came shop/{kind}/x", f"0.05 hook notice went shop/{kind}/x"]


@pytest.mark.parametrize("served", OF_THE_CLUSTER)
def test_T36_one_of_the_whole_cluster_too(tmp_path: Path, served: str) -> None:
    stage, kind = played(tmp_path, served), served.split()[1]
    assert stage.lines == [f"0 hook notice came {kind}/x", f"0.05 hook notice went {kind}/x"]
