"""Which resource a kind is: `Pod`, `Certificate.cert-manager.io`, also those whose CRD is installed later.

Reads aggregated discovery (two requests, Kubernetes 1.30 and later), else group by group.
See https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kwatch.cluster.client import KubeClient
from kwatch.errors import ClusterError
from kwatch.model.objects import Resource

log = logging.getLogger(__name__)

_AGGREGATED = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"}


class Discovery:
    """What the API server serves, as of the last refresh. Only what can be listed and watched counts."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._resources: Mapping[str, Resource] | None = None  # by `Kind.group`, and by `Kind` for the first of a name

    async def resolve(self, token: str) -> Resource | None:
        """Return the resource of `Kind` or `Kind.group`; None when the server has no such kind (yet).

        Of a kind in several groups the core API's is meant, then that of the group that the server names first.
        """
        if self._resources is None:
            await self.refresh()
        return self.known(token)

    def known(self, token: str) -> Resource | None:
        """Return what `resolve` would, without asking: nothing is known before the first refresh."""
        return (self._resources or {}).get(token)

    async def events(self) -> Resource | None:
        """Return the resource through which Events are watched; both are views of the same objects."""
        return await self.resolve("Event.events.k8s.io") or await self.resolve("Event")

    async def refresh(self) -> None:
        """Ask the server again, for CRDs come and go. Raise ClusterError; what was known then stays."""
        try:
            resources = [*await self._core(), *await self._groups()]
        except (KeyError, TypeError, AttributeError) as error:
            raise ClusterError("the API server sent no valid discovery document") from error
        found: dict[str, Resource] = {}
        for resource in resources:
            found.setdefault(resource.kind, resource)
            if resource.group:
                found.setdefault(f"{resource.kind}.{resource.group}", resource)
        self._resources = found

    async def _core(self) -> list[Resource]:
        answer = await self._client.get("/api", headers=_AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            return list(_aggregated(answer))
        return await self._version("", "v1")

    async def _groups(self) -> list[Resource]:
        answer = await self._client.get("/apis", headers=_AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            return list(_aggregated(answer))
        return [
            resource
            for group in answer.get("groups") or ()
            for version in _preferred_first(group)
            for resource in await self._version(group["name"], version)
        ]

    async def _version(self, group: str, version: str) -> list[Resource]:
        """Read one group version; an aggregated API whose server is down must not hide all the others."""
        try:
            answer = await self._client.get(f"/apis/{group}/{version}" if group else f"/api/{version}")
        except ClusterError as error:
            log.warning("group not discovered", extra={"group": group, "version": version, "error": str(error)})
            return []
        return [
            Resource(group, version, entry["kind"], entry["name"], entry["namespaced"])
            for entry in answer.get("resources") or ()
            if "/" not in entry["name"] and _is_watchable(entry.get("verbs"))
        ]


def _preferred_first(group: Mapping[str, Any]) -> list[str]:
    preferred = (group.get("preferredVersion") or {}).get("version")
    return sorted((version["version"] for version in group["versions"]), key=lambda version: version != preferred)


def _aggregated(answer: Mapping[str, Any]) -> Iterator[Resource]:
    """Yield the resources of an APIGroupDiscoveryList; the versions of a group come in order of preference."""
    for group in answer.get("items") or ():
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions") or ():
            for entry in version.get("resources") or ():
                if _is_watchable(entry.get("verbs")) and entry.get("responseKind"):
                    kind, plural = entry["responseKind"]["kind"], entry["resource"]
                    yield Resource(name, version["version"], kind, plural, entry.get("scope") == "Namespaced")


def _is_watchable(verbs: Iterable[str] | None) -> bool:
    return {"list", "watch"} <= set(verbs or ())
