"""Short words for what plays are made of: a configuration with one webhook, Pods that are broken or not, Events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from kwatch.testing.stage import Stage
from kwatch.testing.told import Told

#: Two rules on the phase of a Pod, the second critical, and one receiver at the URL …/hook.
BROKEN = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s}
  - {name: worse, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, resolve_hold: 0s,
     severity: critical}
"""
#: Events of reason BackOff are told, each Pod by itself.
NOTED = """
packs: []
rules:
  - {name: noted, on: event, match: {reason: BackOff, kind: Pod}, mode: notice, key: [namespace, name]}
"""
#: One receiver, told at once.
HOOK = """
route: {receiver: team, group_by: [namespace], group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""
#: One receiver, with the waits of the rows of section 2.6.
GROUPED = """
route: {receiver: team, group_by: [namespace], group_wait: 15s, group_interval: 2m}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""


class Pods:
    """The Pods of one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def phase(self, at: float, name: str, phase: str = "Failed", *, ns: str = "shop", **more: Any) -> None:
        """Let a Pod be in a phase from an instant on; `more` is further status."""
        manifest = pod(name, phase, ns=ns, **more)
        self._stage.at(at, lambda: self._stage.cluster.apply(manifest))

    def gone(self, at: float, name: str, *, ns: str = "shop") -> None:
        """Let a Pod be deleted."""
        self._stage.at(at, lambda: self._stage.cluster.delete(pod(name, ns=ns)))

    def event(self, at: float, name: str, count: int = 1, *, ns: str = "shop", **more: Any) -> None:
        """Let an Event about a Pod be written with a count; later counts go to the same Event."""
        manifest = event(self._stage, at, name, count, ns=ns, **more)
        self._stage.at(at, lambda: self._stage.cluster.apply(manifest))


def play(folder: Path, text: str) -> tuple[Stage, Pods]:
    """Return an empty stage with this configuration, and its Pods."""
    stage = Stage(folder, text)
    return stage, Pods(stage)


def pod(name: str, phase: str = "Running", *, ns: str = "shop", **status: Any) -> dict[str, Any]:
    """Return a Pod without an owner."""
    metadata = {"name": name, "namespace": ns}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": phase, **status}}


def event(
    stage: Stage, at: float, name: str, count: int = 1, *, ns: str = "shop", reason: str = "BackOff", **more: Any
) -> dict[str, Any]:
    """Return a core/v1 Event about a Pod, whose last occurrence is at that instant."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": ns},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": ns},
        "reason": reason,
        "message": "it happened",
        "type": "Warning",
        "source": {"component": "kubelet"},
        "firstTimestamp": stage.time(at - count + 1),
        "lastTimestamp": stage.time(at),
        "count": count,
        **more,
    }


def brief(told: list[Told]) -> list[str]:
    """Return each message as `kind@instant`."""
    return [f"{one.kind}@{one.at:g}" for one in told]


def names(one: Told) -> list[str]:
    """Return the names of the objects that a message tells of, those that are over with a minus."""
    marks = {"firing": ""}
    return [marks.get(alert["state"], "-") + alert["labels"]["name"] for alert in one.document["alerts"]]


def workloads(one: Told) -> list[str]:
    """Return the workloads that a message tells of, those that are over with a minus."""
    return [_mark(alert) + alert["labels"]["workload"].partition("/")[2] for alert in one.document["alerts"]]


def _mark(alert: Mapping[str, Any]) -> str:
    return "" if alert["state"] == "firing" else "-"


class Silences:
    """What somebody asks of one stage: silences, as alice."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.answers: list[httpx.Response] = []

    def add(self, at: float, match: Mapping[str, Any], *, until: float | None = None, **words: Any) -> None:
        """Make a silence at an instant, until another one or as `words` say."""
        end = {} if until is None else {"until": self._stage.time(until)}
        body = {"match": match, **end, **words}

        async def ask() -> None:
            self.answers.append(await self._stage.request("POST", "/api/v1/silences", body))

        self._stage.at(at, ask)

    def expire(self, at: float, index: int = 0) -> None:
        """End the silence that was made first, or the one of that index."""

        async def ask() -> None:
            silence_id = self.answers[index].json()["silence"]["id"]
            self.answers.append(await self._stage.request("DELETE", f"/api/v1/silences/{silence_id}"))

        self._stage.at(at, ask)

    @property
    def statuses(self) -> list[int]:
        """What was answered."""
        return [answer.status_code for answer in self.answers]

    @property
    def errors(self) -> list[str]:
        """Why what was refused was refused."""
        return [answer.json()["error"] for answer in self.answers if answer.is_error]
