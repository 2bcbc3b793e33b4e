"""As much of `/openapi/v3` as kubectl asks for: which kinds can be validated by the server. Pure.

There are no schemas, so nothing is validated: fields are kept as they come.
"""

from typing import Any

from kwatch.testing.fake.catalog import Catalog

#: The parameter of a PATCH whose presence tells kubectl that the server checks fields itself.
PARAMETERS = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string", "uniqueItems": True}}]


def index(catalog: Catalog) -> dict[str, Any]:
    """Return where the document of each group and version is."""
    names = [f"apis/{name}" if "/" in name else f"api/{name}" for name in catalog.group_versions()]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in names}}


def document(catalog: Catalog, group: str, version: str) -> dict[str, Any] | None:
    """Return the document of one group and version; None when it is not served."""
    served = catalog.resource_list(group, version)
    if served is None:
        return None
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    paths = {
        _path(root, entry): {"patch": _patch(group, version, entry)}
        for entry in served["resources"]
        if "patch" in entry["verbs"] and "/" not in entry["name"]
    }
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.35.4"}, "paths": paths}


def _path(root: str, entry: dict[str, Any]) -> str:
    inside = "/namespaces/{namespace}" if entry["namespaced"] else ""
    return f"{root}{inside}/{entry['name']}/{{name}}"


def _patch(group: str, version: str, entry: dict[str, Any]) -> dict[str, Any]:
    kind = {"group": group, "version": version, "kind": entry["kind"]}
    return {"parameters": PARAMETERS, "responses": {}, "x-kubernetes-group-version-kind": kind}
