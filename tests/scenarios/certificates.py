"""A kind that a CRD adds: the Certificates of cert-manager."""

from typing import Any

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "certificates.cert-manager.io"},
    "spec": {
        "group": "cert-manager.io",
        "names": {"kind": "Certificate", "plural": "certificates"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}


def not_ready(ns: str) -> dict[str, Any]:
    """Return a Certificate that is not ready."""
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "tls", "namespace": ns},
        "status": {"conditions": [{"type": "Ready", "status": "False"}]},
    }
