"""Which kinds are served: those of a real API server 1.35 (`discovery.json` is its own answer), and what CRDs add."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from kwatch.testing.fake.statuses import qualified

#: Groups whose objects count their `metadata.generation`, beside Pods and custom resources.
GENERATION_GROUPS = frozenset({"apps", "batch", "autoscaling", "apiextensions.k8s.io", "networking.k8s.io", "policy"})
CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One resource in one version."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str] = field(default=frozenset())
    is_custom: bool = False

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage(self) -> str:
        """The store's table: shared by all versions of a resource, and by both Event APIs."""
        return EVENTS if self.is_event else qualified(self.plural, self.group)

    @property
    def is_event(self) -> bool:
        return self.plural == EVENTS and self.group in ("", "events.k8s.io")

    @property
    def has_status(self) -> bool:
        """Whether the status is written through a subresource only."""
        return "status" in self.subresources

    @property
    def has_generation(self) -> bool:
        return self.is_custom or self.group in GENERATION_GROUPS or self.storage == "pods"

    @property
    def needs_version(self) -> bool:
        """Whether an update without a resource version is refused."""
        return self.is_custom or self.group in ("coordination.k8s.io", "apiextensions.k8s.io")


class Catalog:
    """The groups, versions and resources, in the order in which they are answered."""

    def __init__(self) -> None:
        text = resources.files(__package__).joinpath("discovery.json").read_text(encoding="utf-8")
        self._groups: dict[str, dict[str, list[dict[str, Any]]]] = {
            entry["group"]: entry["versions"] for entry in json.loads(text)
        }
        self._custom: set[str] = set()

    def kind(self, group: str, version: str, plural: str) -> Kind | None:
        served = self._groups.get(group, {}).get(version, [])
        entry = next((entry for entry in served if entry["name"] == plural), None)
        if entry is None:
            return None
        prefix = f"{plural}/"
        return Kind(
            group=group,
            version=version,
            kind=entry["kind"],
            plural=plural,
            namespaced=entry["namespaced"],
            verbs=frozenset(entry["verbs"]),
            subresources=frozenset(e["name"].removeprefix(prefix) for e in served if e["name"].startswith(prefix)),
            is_custom=group in self._custom,
        )

    def kind_of(self, body: Mapping[str, Any]) -> Kind:
        """Return the kind of a manifest by its `apiVersion` and `kind`. Raise LookupError."""
        group, _, version = body["apiVersion"].rpartition("/")
        for entry in self._groups.get(group, {}).get(version, []):
            if entry["kind"] == body["kind"] and "/" not in entry["name"] and "list" in entry["verbs"]:
                found = self.kind(group, version, entry["name"])
                if found is not None:
                    return found
        raise LookupError(f"no kind {body['kind']} in {body['apiVersion']}")

    def namespaced_kinds(self) -> tuple[Kind, ...]:
        """Return every kind whose objects live in a namespace."""
        return tuple(
            kind
            for group, versions in self._groups.items()
            for version, entries in versions.items()
            for entry in entries
            if entry["namespaced"] and "list" in entry["verbs"]
            if (kind := self.kind(group, version, entry["name"])) is not None
        )

    def group_list(self) -> dict[str, Any]:
        groups = [self._group(name) for name in self._groups if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> dict[str, Any] | None:
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(name)} if self._groups.get(name) else None

    def resource_list(self, group: str, version: str) -> dict[str, Any] | None:
        served = self._groups.get(group, {}).get(version)
        if served is None:
            return None
        name = f"{group}/{version}" if group else version
        head = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
        return {**head, "groupVersion": name, "resources": served}

    def group_versions(self) -> tuple[str, ...]:
        """Return all that is served: `v1`, `apps/v1` …"""
        return tuple(
            f"{group}/{version}" if group else version
            for group, versions in self._groups.items()
            for version in versions
        )

    def has_group(self, name: str) -> bool:
        return name in self._groups

    def add(self, definition: Mapping[str, Any]) -> None:
        """Serve what a CustomResourceDefinition defines."""
        spec = definition["spec"]
        self._custom.add(spec["group"])
        versions = self._groups.setdefault(spec["group"], {})
        for version in spec["versions"]:
            if version["served"]:
                versions[version["name"]] = versions.get(version["name"], []) + _entries(spec, version)

    def remove(self, definition: Mapping[str, Any]) -> None:
        """Serve it no longer."""
        spec = definition["spec"]
        plural, versions = spec["names"]["plural"], self._groups[spec["group"]]
        for name, entries in list(versions.items()):
            versions[name] = [entry for entry in entries if entry["name"].partition("/")[0] != plural]
            if not versions[name]:
                del versions[name]
        if not versions:
            del self._groups[spec["group"]]

    def _group(self, name: str) -> dict[str, Any]:
        versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in self._groups[name]]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _entries(spec: Mapping[str, Any], version: Mapping[str, Any]) -> list[dict[str, Any]]:
    names, namespaced = spec["names"], spec["scope"] == "Namespaced"
    plural = names["plural"]
    entry: dict[str, Any] = {
        "name": plural,
        "singularName": names["singular"],
        "namespaced": namespaced,
        "kind": names["kind"],
        "verbs": CUSTOM_VERBS,
    }
    for optional in ("shortNames", "categories"):
        if names.get(optional):
            entry[optional] = names[optional]
    entry["storageVersionHash"] = _hash(f"{spec['group']}/{version['name']}/{names['kind']}")
    return [entry, *_subresources(plural, namespaced, names["kind"], list(version.get("subresources", ())))]


def _subresources(plural: str, namespaced: bool, kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
    verbs = ["get", "patch", "update"]
    return [
        {"name": f"{plural}/{name}", "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": verbs}
        for name in names
    ]


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()
