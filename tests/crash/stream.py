"""What goes wrong in the cluster, written through its API by what plays the kubelet; and what is owed for it.

Beginnings and ends of CERTAIN subjects wait for what the receivers have read, so what is owed for them does not depend
on how fast anything is. The others happen at random, whoever is watching.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from tests.crash.history import Board, Expected, Kind
from tests.crash.receiver import Receiver

#: Both are told all of it, at once: what is slow by itself is not what this is about.
CONFIG = """
cluster: crash
web: {listen: "127.0.0.1:0"}
rules:
  - {name: image-pull, key: [namespace, name], for: 0s, resolve_hold: 1s, flapping: {transitions: 0}}
  - {name: node-not-ready, resolve_hold: 0s, flapping: {transitions: 0}}
  - {name: stuck, on: resource, match: {kind: Pod, fields: {status.reason: Stuck}}, resolve_hold: 0s,
     key: [namespace, name], flapping: {transitions: 0}}
  - {name: flaky, on: event, match: {kind: Pod, reason: Flaky, labels: {app: demo}}, mode: notice,
     dedup_window: 1h}
  - {name: noted, on: resource, match: {kind: Pod, fields: {status.reason: Noted}}, mode: notice,
     key: [namespace, name], dedup_window: 1s}
  - {name: born, on: resource, match: {kind: Pod, change: created, name: born-*}, mode: notice,
     key: [namespace, name], dedup_window: 1s}
  - {name: gone, on: resource, match: {kind: Pod, change: deleted, name: gone-*}, mode: notice,
     key: [namespace, name], dedup_window: 1s}
  - {name: five, on: event, match: {kind: Pod, reason: Five}, mode: notice, dedup_window: 1h,
     rate: {count: 5, within: 1h, per: [namespace, name]}}
route:
  receiver: hook
  group_by: [name]
  group_wait: 0s
  group_interval: 1s
  routes:
    - {match: {rule: image-pull}, group_wait: 1s}
    - {match: {namespace: crew-*}, group_by: [namespace]}
receivers:
  hook:
    - {type: webhook, url: "URL"}
    - {type: smtp, host: localhost, port: PORT, tls: none, from: kwatch@example.com, to: team@example.com,
       pace: {per_minute: 100000, burst: 1000}, template: {text: "TEXT"}}
"""

#: Wrong before kwatch was ever started.
EARLY = tuple(f"early-{n}" for n in range(3))
#: There before kwatch was ever started, and deleted while it is.
GOING = tuple(f"gone-{n}" for n in range(8))
#: Goes wrong while kwatch is dead, before its last start.
LATE = "late"
#: Seconds over which the subjects of a stream begin.
SPAN = 2.0

Act = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that can be wrong with an object, again and again."""

    name: str
    make: Act
    begin: Act
    end: Act


class Kubelet:
    """Writes Pods, Nodes and Events. `passed` is told of each write that the API server has accepted."""

    def __init__(self, session: aiohttp.ClientSession, passed: Callable[[str], None]) -> None:
        self._session = session
        self._passed = passed

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Make one request of the API server, which must accept it."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        content = b"" if body is None else json.dumps(body).encode()
        async with self._session.request(method, path, data=content, headers={"Content-Type": kind}) as response:
            if not response.ok:
                raise RuntimeError(f"{method} {path}: {response.status} {await response.text()}")
        self._passed("written")

    async def namespace(self, name: str) -> None:
        await self.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    async def pod(self, namespace: str, name: str) -> None:
        metadata = {"name": name, "labels": {"app": "demo"}}
        await self.send("POST", f"/api/v1/namespaces/{namespace}/pods", {"metadata": metadata, "spec": {}})

    async def pod_status(self, namespace: str, name: str, status: dict[str, Any], *, is_ready: bool) -> None:
        conditions = [_ready(is_ready=is_ready)]
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        await self.send("PATCH", path, {"status": {**status, "conditions": conditions}})

    async def delete_pod(self, namespace: str, name: str) -> None:
        await self.send("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}")

    async def node(self, name: str) -> None:
        await self.send("POST", "/api/v1/nodes", {"metadata": {"name": name}})

    async def node_ready(self, name: str, *, is_ready: bool) -> None:
        conditions = [_ready(is_ready=is_ready)]
        await self.send("PATCH", f"/api/v1/nodes/{name}/status", {"status": {"conditions": conditions}})

    async def event(self, namespace: str, name: str, reason: str, count: int) -> None:
        """Write the n-th occurrence, as a recorder does: one object, its count raised."""
        event = f"{name}.{reason.lower()}"
        path = f"/api/v1/namespaces/{namespace}/events"
        if count > 1:
            await self.send("PATCH", f"{path}/{event}", {"count": count, "lastTimestamp": _now()})
            return
        await self.send(
            "POST",
            path,
            {
                "metadata": {"name": event, "namespace": namespace},
                "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name},
                "type": "Warning",
                "reason": reason,
                "message": f"{name} is {reason.lower()}",
                "source": {"component": "kubelet"},
                "firstTimestamp": _now(),
                "lastTimestamp": _now(),
                "count": 1,
            },
        )


class Stream:
    """One random sequence of problems; `expected` says what is owed for it."""

    def __init__(self, kubelet: Kubelet, receivers: Iterable[Receiver], rng: random.Random) -> None:
        self.expected: dict[str, Expected] = {}
        self._kubelet = kubelet
        self._receivers = tuple(receivers)
        self._rng = rng

    async def begin(self) -> None:
        """Before kwatch is started for the first time."""
        for name in ("demo", "crew-0", "crew-1"):
            await self._kubelet.namespace(name)
        for name in EARLY:
            await self._be_wrong(self._pulled("demo", name))
        for name in GOING:
            await self._kubelet.pod("demo", name)

    async def run(self) -> None:
        """From when the first problems were told until everything is over and told."""
        await self._until(lambda board: all(board.begun[name] for name in EARLY))
        async with asyncio.TaskGroup() as tasks:
            for name in EARLY:
                tasks.create_task(self._end_early(name))
            for subject in self._subjects():
                tasks.create_task(subject)
        await self._until(lambda board: not any(board.open.values()) and self._is_told(board.moments))

    async def go_wrong_late(self) -> None:
        """Something begins while nobody watches."""
        await self._be_wrong(self._pulled("demo", LATE), is_late=True)

    async def end_late(self) -> None:
        """Its object is deleted, once it was told; wait until that was told, too."""
        await self._until(lambda board: board.is_open(LATE))
        await self._kubelet.delete_pod("demo", LATE)
        await self._until(lambda board: not board.is_open(LATE))

    async def _until(self, claim: Callable[[Board], bool]) -> None:
        """Wait until what each of the receivers was told makes a claim true, which stays so."""
        for receiver in self._receivers:
            await receiver.until(claim)

    def _is_told(self, moments: dict[str, int]) -> bool:
        owed = {name: each.rounds for name, each in self.expected.items() if each.kind is Kind.MOMENT}
        return all(moments[name] >= rounds for name, rounds in owed.items())

    def _subjects(self) -> list[Coroutine[None, None, None]]:
        members = [(f"crew-{crew}", f"crew-{crew}-{n}") for crew in (0, 1) for n in range(4)]
        return [
            *(self._certain(self._pulled("demo", f"pull-{n}"), rounds=1 + n % 2) for n in range(24)),
            *(self._certain(self._node(f"node-{n}"), rounds=2) for n in range(6)),
            *(self._certain(self._stuck(crew, name), rounds=2) for crew, name in members),
            *(self._brief(self._pulled("demo", f"brief-{n}"), rounds=2) for n in range(10)),
            *(self._brief(self._stuck("demo", f"stuck-{n}"), rounds=4) for n in range(15)),
            *(self._moment(f"flaky-{n}", "Flaky", occurrences=1 + n % 3, rounds=1) for n in range(24)),
            *(self._moment(f"five-{n}", "Five", occurrences=5, rounds=1) for n in range(8)),
            *(self._noted(f"noted-{n}") for n in range(8)),
            *(self._born(f"born-{n}") for n in range(8)),
            *(self._deleted(name) for name in GOING),
            *(self._moment(f"four-{n}", "Five", occurrences=4, rounds=0) for n in range(8)),
        ]

    # How subjects behave

    async def _certain(self, problem: Problem, *, rounds: int) -> None:
        name = problem.name
        self.expected[name] = Expected(Kind.CERTAIN, rounds)
        await problem.make()
        await self._pause(SPAN)
        for _ in range(rounds):
            await problem.begin()
            await self._until(lambda board: board.is_open(name))
            await self._pause(0.5)
            await problem.end()
            await self._until(lambda board: not board.is_open(name))

    async def _brief(self, problem: Problem, *, rounds: int) -> None:
        self.expected[problem.name] = Expected(Kind.BRIEF, rounds)
        await problem.make()
        await self._pause(SPAN)
        for _ in range(rounds):
            await problem.begin()
            await self._pause(1.2)
            await problem.end()
            await self._pause(0.6)

    async def _moment(self, name: str, reason: str, *, occurrences: int, rounds: int) -> None:
        self.expected[name] = Expected(Kind.MOMENT, rounds)
        await self._kubelet.pod("demo", name)
        await self._pause(SPAN)
        for count in range(1, occurrences + 1):
            await self._kubelet.event("demo", name, reason, count)
            await self._pause(0.5)

    async def _noted(self, name: str) -> None:
        """A state that a notice is about, for good."""
        self.expected[name] = Expected(Kind.MOMENT, 1)
        await self._kubelet.pod("demo", name)
        await self._pause(SPAN)
        await self._kubelet.pod_status("demo", name, {"reason": "Noted"}, is_ready=False)

    async def _born(self, name: str) -> None:
        self.expected[name] = Expected(Kind.MOMENT, 1)
        await self._pause(SPAN)
        await self._kubelet.pod("demo", name)

    async def _deleted(self, name: str) -> None:
        self.expected[name] = Expected(Kind.MOMENT, 1)
        await self._pause(SPAN)
        await self._kubelet.delete_pod("demo", name)

    async def _be_wrong(self, problem: Problem, *, is_late: bool = False) -> None:
        self.expected[problem.name] = Expected(Kind.CERTAIN, 1, is_late)
        await problem.make()
        await problem.begin()

    async def _end_early(self, name: str) -> None:
        await self._pause(SPAN)
        await self._pulled("demo", name).end()
        await self._until(lambda board: not board.is_open(name))

    async def _pause(self, longest: float) -> None:
        await asyncio.sleep(self._rng.uniform(0, longest))

    # What they are

    def _pulled(self, namespace: str, name: str) -> Problem:
        waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
        return self._pod(
            namespace,
            name,
            wrong={"containerStatuses": [_container(waiting=waiting)]},
            right={"containerStatuses": [_container(running={})]},
        )

    def _stuck(self, namespace: str, name: str) -> Problem:
        return self._pod(namespace, name, wrong={"reason": "Stuck"}, right={"reason": "Fine"})

    def _pod(self, namespace: str, name: str, *, wrong: dict[str, Any], right: dict[str, Any]) -> Problem:
        kubelet = self._kubelet
        return Problem(
            name,
            make=lambda: kubelet.pod(namespace, name),
            begin=lambda: kubelet.pod_status(namespace, name, wrong, is_ready=False),
            end=lambda: kubelet.pod_status(namespace, name, right, is_ready=True),
        )

    def _node(self, name: str) -> Problem:
        kubelet = self._kubelet
        return Problem(
            name,
            make=lambda: kubelet.node(name),
            begin=lambda: kubelet.node_ready(name, is_ready=False),
            end=lambda: kubelet.node_ready(name, is_ready=True),
        )


@asynccontextmanager
async def kubelet_of(kubeconfig: Path, passed: Callable[[str], None]) -> AsyncIterator[Kubelet]:
    """Give somebody who writes to the cluster of a kubeconfig."""
    server = server_of(kubeconfig)
    async with aiohttp.ClientSession(server) as session:
        yield Kubelet(session, passed)


def server_of(kubeconfig: Path) -> str:
    """Return the URL in a kubeconfig of the fake cluster."""
    url: str = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return url


def _container(**state: dict[str, Any]) -> dict[str, Any]:
    return {"name": "main", "image": "demo:1", "state": state}


def _ready(*, is_ready: bool) -> dict[str, Any]:
    return {"type": "Ready", "status": str(is_ready), "lastTransitionTime": _now()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
