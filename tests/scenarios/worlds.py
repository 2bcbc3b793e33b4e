"""What holds whatever happens (spec 3.7), as a machine: the cluster and its people act, kwatch dies, everything fails.

The model is a dictionary of what is wrong in the cluster and which rules are on; what two receivers have recorded, one
of them behind a pace, is judged against it after each step.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kwatch.alerts.records import Alert
from kwatch.model.alerts import AlertState
from kwatch.model.decisions import Table
from kwatch.model.notifications import DeliveryState
from kwatch.store.state import State
from kwatch.testing import manifests
from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.stage import Stage

#: `broken` may be switched off or be critical; `often` may be switched off, go to nobody, or ask for no rate; `slow`
#: may want the critical alone; and `wait` may be another.
CONFIG = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, for: 30s, resolve_hold: 20s,
     flapping: {stable: 2m}, BROKEN}
  - {name: often, on: event, match: {reason: BackOff, kind: Pod}, RATE
     resolve: {condition: {Ready: "True"}}, resolve_hold: 20s,
     flapping: {stable: 2m}, OFTEN}
route: {receiver: team, group_wait: WAIT, group_interval: 30s, repeat_interval: 0s, group_by: [namespace],
        routes: [{match: {rule: often}, receiver: WHOM}]}
receivers:
  team:
    - {type: webhook, name: fast, url: "http://receiver.example/fast"}
    - {type: webhook, name: slow, url: "http://receiver.example/slow", severity: LEAST, pace: {per_minute: 6, burst: 5}}
"""
_RATE = "rate: {count: 3, within: 2m, per: [name]},"
_OFTEN = (
    {"OFTEN": "enabled: true", "RATE": _RATE, "WAIT": "5s", "WHOM": "team", "LEAST": "info"},
    {"OFTEN": "enabled: false", "RATE": _RATE, "WAIT": "40s", "WHOM": "team", "LEAST": "critical"},
    {"OFTEN": "enabled: true", "RATE": _RATE, "WAIT": "5s", "WHOM": "none", "LEAST": "critical"},
    {"OFTEN": "enabled: true", "RATE": "key: [namespace, name],", "WAIT": "5s", "WHOM": "team", "LEAST": "info"},
)


def _config(broken: str, words: Mapping[str, str]) -> str:
    text = CONFIG.replace("BROKEN", broken)
    for name, word in words.items():
        text = text.replace(name, word)
    return text


CONFIGS = tuple(
    _config(broken, words)
    for broken in ("severity: warning", "severity: critical", "enabled: false")
    for words in _OFTEN
)
#: What becomes of what was opened: of the outcomes of decisions, those of docs/metrics.md.
FATES = (
    "led_to_notification",
    "came_and_went",
    "muted_inhibited",
    "muted_silenced",
    "muted_annotation",
    "muted_window",
    "held_planned_change",
    "muted_severity",
    "dropped_by_route",
    "no_destination",
)
PODS = ("a", "b", "c")
NAMES = st.sampled_from(PODS)
#: Longer than every wait, retry and pause of the configuration and the outbox together.
QUIESCENCE = 900.0
#: The bucket of `slow` and its reserve, a fifth on top of it: what it may be told at once, and in a second.
BURST, RATE = 5 + 1, (6 + 1.2) / 60


class Receiver:
    """One that may be down, or lose its answer after it has taken the message."""

    def __init__(self) -> None:
        self.is_down = False
        self.loses_reply = False
        self.taken: list[dict[str, Any]] = []
        self.lost = 0
        self.attempts: list[float] = []

    def answer(self, request: httpx.Request, now: float) -> httpx.Response:
        self.attempts.append(now)
        if self.is_down:
            return httpx.Response(503)
        self.taken.append(json.loads(request.content))
        if self.loses_reply:
            self.lost += 1
            return httpx.Response(502)
        return httpx.Response(200)


class Worlds(RuleBasedStateMachine):
    """Three Pods, two rules, two receivers; and everything that goes wrong."""

    #: What runs; a saboteur is another one.
    state_type: type[State] = State
    configs = CONFIGS

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="kwatch-worlds-"))
        self.config = self.configs[0]
        self.stage = Stage(self.folder, self.config)
        self.stage.follows_files = True
        self.stage.state_type = self.state_type
        self.receivers = {"fast": Receiver(), "slow": Receiver()}
        self.stage.answer = self._answer
        self.closing = ExitStack()
        self.advance: Callable[[float], None] = self.closing.enter_context(self.stage.live())
        self.has_begun = False
        self.ready: dict[str, bool] = {}
        self.counts: Counter[str] = Counter()
        self.silences: list[str] = []
        self.crashes: list[float] = []

    @initialize()
    def begin(self) -> None:
        for name in PODS:
            self._write(name, is_ready=True)
        self.advance(60)
        self.has_begun = True

    @rule(name=NAMES)
    def fail(self, name: str) -> None:
        self._write(name, is_ready=False)
        self.advance(0.5)

    @rule(name=NAMES)
    def recover(self, name: str) -> None:
        self._write(name, is_ready=True)
        self.advance(0.5)

    @rule(name=NAMES, n=st.integers(1, 4))
    def happen(self, name: str, n: int) -> None:
        """Something happens to a Pod that is there, `n` times, told by one write."""
        if name not in self.ready:
            return
        self.counts[name] += n
        times = {"first": self.stage.second(0), "last": self.stage.second(self.stage.now())}
        words = {"reason": "BackOff", "message": "Back-off", "count": self.counts[name]}
        self.stage.cluster.apply(manifests.core_event(f"{name}.1", f"Pod/shop/{name}", **words, **times))
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
        self.crashes.append(self.stage.now())
        self.stage.kill(back_after=gone)
        self.advance(gone + 1)

    @rule(effect=st.sampled_from((Effect.DROP, Effect.GONE)))
    def lose_watches(self, effect: Effect) -> None:
        self.stage.cluster.faults.add(Fault(effect=effect))
        self.advance(1)

    @rule(by=st.sampled_from((-3600, -60, 60, 3600)))
    def set_clock(self, by: float) -> None:
        self.stage.own_clock.set_by(by)
        self.advance(1)

    @rule(number=st.integers(0, len(CONFIGS) - 1))
    def reload(self, number: int) -> None:
        self.config = self.configs[number]
        self._load(self.config)

    @rule()
    def reload_wrongly(self) -> None:
        """What is wrong changes nothing, but is told."""
        self._load(self.config.replace("route:", "rout:"))
        self._load(self.config)

    @rule(name=NAMES)
    def silence(self, name: str) -> None:
        body = {"match": {"name": name}, "for": "1h"}
        answer = self._ask(self.stage.request("POST", "/api/v1/silences", body))
        self.silences.append(answer.json()["silence"]["id"])

    @rule()
    def end_silences(self) -> None:
        for silence in self.silences:
            self._ask(self.stage.request("DELETE", f"/api/v1/silences/{silence}"))
        self.silences.clear()

    @rule(name=st.sampled_from(("fast", "slow")), is_down=st.booleans(), loses_reply=st.booleans())
    def turn_receiver(self, name: str, is_down: bool, loses_reply: bool) -> None:
        self.receivers[name].is_down = is_down
        self.receivers[name].loses_reply = loses_reply

    @invariant()
    def no_overtaking(self) -> None:
        """I2: what is new comes in order, and nothing new after an end."""
        for receiver in self.receivers.values():
            last: dict[str, int] = {}
            ended: set[str] = set()
            seen: set[str] = set()
            for document in receiver.taken:
                incident = document["incident"]
                if document["id"] in seen:
                    continue
                seen.add(document["id"])
                assert incident not in ended, "I2: told after its end"
                assert document["sequence"] > last.get(incident, 0), "I2: overtaken"
                last[incident] = document["sequence"]
                if document["kind"] in ("resolved", "expired"):
                    ended.add(incident)

    @invariant()
    def duplicates_have_a_cause(self) -> None:
        """I3: the same message again only after a crash or a lost reply."""
        for receiver in self.receivers.values():
            distinct = {document["id"] for document in receiver.taken}
            again = len(receiver.taken) - len(distinct)
            assert again <= len(self.crashes) + receiver.lost, "I3: told twice without a cause"

    @invariant()
    def nothing_is_lost_from_the_books(self) -> None:
        """I5: what was created is in exactly one state, and what counts as sent was taken."""
        app = self.stage.app
        if app is None:
            return
        rows = self._ask(app.state.counts())
        for name, receiver in self.receivers.items():
            states = rows.get(name, {})
            taken = {document["id"] for document in receiver.taken}
            assert states.get(DeliveryState.SENT, 0) <= len(taken), "I5: counted as sent, and not taken"
            if self.crashes:  # counters end with the process, rows do not
                continue
            counted = {s: self.stage.counted("deliveries", destination=name, state=s.value) for s in DeliveryState}
            assert counted[DeliveryState.QUEUED] == sum(states.values()), "I5: created and nowhere"
            final = {state: counted[state] for state in DeliveryState if state.is_final and counted[state]}
            assert final == {state: n for state, n in states.items() if state.is_final}, "I5: ended and nowhere"

    @invariant()
    def what_opened_has_one_fate(self) -> None:
        """I5, of decisions: each alert that was opened has one fate, but for those that are open and untold."""
        app = self.stage.app
        if app is None:
            return
        rows = [row.body for row in app.state.load().rows if row.table is Table.ALERTS and row.body is not None]
        alerts = [msgspec.json.decode(body, type=Alert) for body in rows]
        told = [alert for alert in alerts if alert.state is AlertState.FIRING and alert.is_told]
        untold = sum(alert.is_open for alert in alerts) - len(told)
        fates = sum(self.stage.counted("decisions", outcome=fate) for fate in FATES)
        opened = self.stage.counted("decisions", outcome="opened")
        assert opened == fates + untold, f"I5: {opened} opened, {fates} fates, {untold} open and untold"

    @invariant()
    def the_pace_is_kept(self) -> None:
        """I7: never more from one process than the burst and what came back since, in any window."""
        level, before = 0.0, 0.0
        for at in self.receivers["slow"].attempts:
            is_new = any(before <= crash < at for crash in self.crashes)
            level = (0.0 if is_new else max(0.0, level - (at - before) * RATE)) + 1
            assert level <= BURST + 0.01, "I7: more than the pace"
            before = at

    def settle(self) -> None:
        """When faults and silences end, the view of who is told becomes what is true (I1, I4), and stays (I6)."""
        for receiver in self.receivers.values():
            receiver.is_down = receiver.loses_reply = False
        self.end_silences()
        self.advance(QUIESCENCE)
        assert self._told_as_firing() == self._true(), "I4: what was told is not what is"
        told = len(self.stage.told)
        self.advance(QUIESCENCE)
        assert len(self.stage.told) == told, "I6: told though nothing happened"

    def teardown(self) -> None:
        try:
            if self.has_begun:
                self.settle()
        finally:
            self.closing.close()
            shutil.rmtree(self.folder)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.receivers[request.url.path.strip("/")].answer(request, self.stage.now())

    def _ask(self, question: Awaitable[Any]) -> Any:
        asking = self.stage.loop.create_task(question)
        self.advance(0.01)
        return asking.result()

    def _load(self, text: str) -> None:
        self.stage.write(text)
        if self.stage.app is not None:
            self.stage.app.reloader.request()
        self.advance(1)

    def _write(self, name: str, *, is_ready: bool) -> None:
        self.ready[name] = is_ready
        since = self.stage.second(self.stage.now())
        ready = manifests.condition("Ready", holds=is_ready, since=since)
        self.stage.cluster.apply(manifests.pod(name, status={"conditions": [ready]}))

    def _true(self) -> set[str]:
        if "enabled: false}\n  - {name: often" in self.config:
            return set()
        return {name for name, is_ready in self.ready.items() if not is_ready}

    def _told_as_firing(self) -> set[str]:
        """Return what the newest message of each open incident says to be firing, at the receiver without a pace.

        What was there at the start is told in one summary, and its end where it belongs: that ends it in both.
        """
        taken = self.receivers["fast"].taken
        newest = {document["incident"]: (at, document) for at, document in enumerate(taken)}
        return {
            alert["labels"]["name"]
            for at, document in newest.values()
            if document["kind"] not in ("resolved", "expired")
            for alert in document["alerts"]
            if alert["rule"] == "broken" and alert["state"] == "firing" and not _is_ended(alert, at, taken)
        }


def _is_ended(alert: Mapping[str, Any], at: int, taken: list[dict[str, Any]]) -> bool:
    """Whether another message ends what message `at` says: one that came after it, or of an incident begun after."""
    return any(
        (there > at or _begun(document) > _begun(taken[at])) and other["state"] != "firing"
        for there, document in enumerate(taken)
        for other in document["alerts"]
        if (other["fingerprint"], other["episode"]) == (alert["fingerprint"], alert["episode"])
    )


def _begun(document: Mapping[str, Any]) -> int:
    return int(document["incident"].rpartition("/")[2])
