"""What holds whatever happens (spec 3.7): objects change, time passes, kwatch dies, watches and receivers fail.

The model is a dictionary of what is wrong in the cluster; what the receiver has recorded is judged against it.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kwatch.testing import manifests
from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

CONFIG = text(
    '{name: broken, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, for: 30s, resolve_hold: 20s}',
    "{name: often, on: event, match: {reason: BackOff, kind: Pod}, rate: {count: 3, within: 2m, per: [name]}, "
    'resolve: {condition: {Ready: "True"}}, resolve_hold: 20s}',
    route="group_wait: 5s, group_interval: 30s, repeat_interval: 0s, group_by: [namespace]",
)
PODS = ("a", "b", "c")
NAMES = st.sampled_from(PODS)
#: Longer than every wait, retry and pause of the configuration and the outbox together.
QUIESCENCE = 1800.0


class Receiver:
    """A receiver that may be down, or lose its answer after it has taken the message."""

    def __init__(self, stage: Stage) -> None:
        self.is_down = False
        self.loses_reply = False
        self.taken: list[dict[str, Any]] = []
        self.lost = 0
        stage.answer = self.answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            return httpx.Response(503)
        self.taken.append(json.loads(request.content))
        if self.loses_reply:
            self.lost += 1
            return httpx.Response(502)
        return httpx.Response(200)


class Clusters(RuleBasedStateMachine):
    """Three Pods, two rules, one receiver; and everything that goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="kwatch-worlds-"))
        self.stage = Stage(self.folder, CONFIG)
        self.receiver = Receiver(self.stage)
        self.closing = ExitStack()
        self.advance: Callable[[float], None] = self.closing.enter_context(self.stage.live())
        self.ready: dict[str, bool] = {}
        self.counts: Counter[str] = Counter()
        self.crashes = 0

    @initialize()
    def begin(self) -> None:
        for name in PODS:
            self._write(name, is_ready=True)
        self.advance(60)

    @rule(name=NAMES, is_ready=st.booleans())
    def observe(self, name: str, is_ready: bool) -> None:
        self._write(name, is_ready=is_ready)
        self.advance(0.5)

    @rule(name=NAMES, n=st.integers(1, 4))
    def happen(self, name: str, n: int) -> None:
        """Something happens to a Pod that is there, `n` times, told by one write."""
        if name not in self.ready:
            return
        self.counts[name] += n
        now = self.stage.second(self.stage.now())
        self.stage.cluster.apply(
            manifests.core_event(
                f"{name}.1",
                f"Pod/shop/{name}",
                reason="BackOff",
                message="Back-off",
                count=self.counts[name],
                first=self.stage.second(0),
                last=now,
            )
        )
        self.advance(0.5)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if self.ready.pop(name, None) is not None:
            self.stage.cluster.delete(
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}}
            )
        self.advance(0.5)

    @rule(seconds=st.sampled_from((1, 4.9, 5, 20, 30, 31, 120, 600)))
    def pass_time(self, seconds: float) -> None:
        self.advance(seconds)

    @rule(gone=st.sampled_from((1, 30, 400)))
    def crash(self, gone: float) -> None:
        self.crashes += 1
        self.stage.kill(back_after=gone)
        self.advance(gone + 1)

    @rule(effect=st.sampled_from((Effect.DROP, Effect.GONE)))
    def lose_watches(self, effect: Effect) -> None:
        self.stage.cluster.faults.add(Fault(effect=effect))
        self.advance(1)

    @rule(is_down=st.booleans())
    def turn_receiver(self, is_down: bool) -> None:
        self.receiver.is_down = is_down

    @rule(loses_reply=st.booleans())
    def turn_replies(self, loses_reply: bool) -> None:
        self.receiver.loses_reply = loses_reply

    @rule()
    def settle(self) -> None:
        """When faults stop, the receiver's view becomes what is true (I1, I4), and stays (I6)."""
        self.receiver.is_down = self.receiver.loses_reply = False
        self.advance(QUIESCENCE)
        assert self._told_as_firing() == self._true()
        told = len(self.receiver.taken)
        self.advance(QUIESCENCE)
        assert len(self.receiver.taken) == told

    @invariant()
    def no_overtaking(self) -> None:
        """I2: what is new comes in order, and nothing new after an end."""
        last: dict[str, int] = {}
        seen: set[str] = set()
        ended: set[str] = set()
        for document in self.receiver.taken:
            incident = document["incident"]
            if document["id"] in seen:
                continue
            seen.add(document["id"])
            assert incident not in ended
            assert document["sequence"] > last.get(incident, 0)
            last[incident] = document["sequence"]
            if document["kind"] in ("resolved", "expired"):
                ended.add(incident)

    @invariant()
    def duplicates_have_a_cause(self) -> None:
        """I3: the same message again only after a crash or a lost reply."""
        times = Counter(document["id"] for document in self.receiver.taken)
        assert sum(times.values()) - len(times) <= self.crashes + self.receiver.lost

    def teardown(self) -> None:
        try:
            if self.ready:
                self.settle()
        finally:
            self.closing.close()
            shutil.rmtree(self.folder)

    def _write(self, name: str, *, is_ready: bool) -> None:
        self.ready[name] = is_ready
        since = self.stage.second(self.stage.now())
        ready = manifests.condition("Ready", holds=is_ready, since=since)
        self.stage.cluster.apply(manifests.pod(name, status={"conditions": [ready]}))

    def _true(self) -> set[tuple[str, str]]:
        return {("broken", name) for name, is_ready in self.ready.items() if not is_ready}

    def _told_as_firing(self) -> set[tuple[str, str]]:
        """Return what the newest message of each open incident says to be firing."""
        newest = {document["incident"]: document for document in self.receiver.taken}
        return {
            (alert["rule"], alert["labels"]["workload"].rpartition("/")[2])
            for document in newest.values()
            if document["kind"] not in ("resolved", "expired")
            for alert in document["alerts"]
            if alert["state"] == "firing" and alert["rule"] == "broken"
        }


TestClusters = Clusters.TestCase
TestClusters.settings = settings(max_examples=30, stateful_step_count=50, deadline=None)
