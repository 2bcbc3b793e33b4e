"""What holds whatever happens (spec 3.7), as a machine: the cluster and its people act, kwatch dies, everything fails.

The model is a dictionary of what is wrong in the cluster and which rules are on. After each step all seven invariants
are asked of what two receivers have recorded, one of them behind a pace, and of what kwatch has written down.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from kwatch.model.notifications import DeliveryState
from kwatch.store.state import State
from kwatch.testing import manifests
from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.books import Books, count_deliveries, read_books, waits_for_relapse
from tests.scenarios.moments import NAMES, PODS, Moments
from tests.scenarios.receivers import ALONE, Receiver
from tests.scenarios.world_configs import CONFIGS

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
RECEIVERS = st.sampled_from(("fast", "slow"))
#: Longer than every wait, retry and pause of the configuration and the outbox, and the quarter of an hour after which a
#: destination is said to take messages again, together.
QUIESCENCE = 1800.0
#: Longer than it takes to hear of a Pod, to be sure and to say so, while nothing disturbs kwatch.
SOON = 120.0
#: Longer than an alert is held open because it flaps.
CALM = 400.0


class Worlds(Moments):
    """Three Pods, three rules, two receivers; and everything that goes wrong."""

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
        self.is_sound = False  # all invariants held when they were asked last
        self.ready: dict[str, bool] = {}
        self.counts: Counter[str] = Counter()
        self.crashes: list[float] = []
        self.settings: list[float] = []  # when the clock was set
        self.disturbed_at = 0.0  # when something last kept kwatch from looking
        self.turned_at: dict[str, float] = {}  # when a Pod became what it is
        self.before: tuple[Books, list[int]] | None = None  # as the last step left it, and how much had been told

    @initialize()
    def begin(self) -> None:
        for name in PODS:
            self._write(name, is_ready=True)
        self.advance(60)

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
        if name in self.ready:
            self._turn(name, None)
            self.stage.cluster.delete(manifests.pod(name))
        self.advance(0.5)

    @rule(seconds=st.sampled_from((1, 4.9, 5, 20, 30, 31, 120, 600)))
    def pass_time(self, seconds: float) -> None:
        self.advance(seconds)

    @rule(gone=st.sampled_from((1, 30, 400)))
    def crash(self, gone: float) -> None:
        self.crashes.append(self.stage.now())
        self.stage.kill(back_after=gone)
        for receiver in self.receivers.values():
            receiver.left_alone = (0.0, 0.0)  # a new process knows nothing of it
        self.advance(gone + 1)
        self._disturb()

    @rule(effect=st.sampled_from((Effect.DROP, Effect.GONE)))
    def lose_watches(self, effect: Effect) -> None:
        self.stage.cluster.faults.add(Fault(effect=effect))
        self.advance(1)
        self._disturb()

    @rule(by=st.sampled_from((-3600, -60, 60, 3600)))
    def set_clock(self, by: float) -> None:
        self.stage.own_clock.set_by(by)
        self.settings.append(self.stage.now())
        self.advance(1)
        self._disturb()

    @rule(number=st.integers(0, len(CONFIGS) - 1))
    def reload(self, number: int) -> None:
        self.config = self.configs[number]
        self._load(self.config)
        self._disturb()

    @rule()
    def reload_wrongly(self) -> None:
        """What is wrong changes nothing, but is told."""
        self._load(self.config.replace("route:", "rout:"))
        self._load(self.config)

    @rule(name=RECEIVERS, is_down=st.booleans(), loses_reply=st.booleans())
    def turn_receiver(self, name: str, is_down: bool, loses_reply: bool) -> None:
        self.receivers[name].is_down = is_down
        self.receivers[name].loses_reply = loses_reply

    @rule(name=RECEIVERS, seconds=st.sampled_from((20, 200)))
    def ask_to_wait(self, name: str, seconds: float) -> None:
        """The next attempt is refused, and nobody is to knock for so long."""
        self.receivers[name].asks_for = seconds

    @invariant()
    def i1_what_is_wrong_is_known(self) -> None:
        """I1: what has been wrong for a while fires, unless something kept kwatch from looking."""
        app = self.stage.app
        if app is None:
            return
        firing = {view.labels["name"] for view in app.engine.insight.alerts(app.clock.now()) if view.rule == "broken"}
        missed = {name for name in self._true() if self._is_settled(name, SOON)} - firing
        assert not missed, f"I1: {missed} is wrong and does not fire"
        invented = {name for name in firing if name not in self._true() and self._is_settled(name, CALM)}
        assert not invented, f"I4: {invented} fires and is not wrong"

    @invariant()
    def i1_nothing_is_lost(self) -> None:
        """I1: each episode that fires has arrived where it belongs, or waits, or it is written down why it does not."""
        app = self.stage.app
        if app is None:
            return
        books, held = read_books(app.state), app.engine.insight.muted(app.clock.now())
        for alert in books.firing:
            assert alert.groups or alert.fate or alert.awaits_summary, f"I1: {alert.title} belongs nowhere"
            for group in (books.groups[key] for key in alert.groups):
                if not group.members[alert.fingerprint]:
                    is_held = alert.fingerprint in held or waits_for_relapse(alert, group) or not app.started.is_set()
                    assert group.due_at is not None or is_held, f"I1: {alert.title} is untold, and nothing says why"
                elif not self.receivers[group.destination].has_told_of((alert.fingerprint, alert.episode)):
                    assert self._waits(group.destination, alert.fingerprint), f"I1: {alert.title} is lost on its way"

    @invariant()
    def i2_no_overtaking(self) -> None:
        for receiver in self.receivers.values():
            receiver.check_order()

    @invariant()
    def i3_duplicates_have_a_cause(self) -> None:
        for receiver in self.receivers.values():
            receiver.check_repetition(len(self.crashes))

    @invariant()
    def i4_who_has_been_told_all_sees_what_is(self) -> None:
        """I4: where nothing waits, the messages show what kwatch holds open there; overflows show only what was."""
        app = self.stage.app
        if app is None:
            return
        books = read_books(app.state)
        for name, receiver in self.receivers.items():
            if name not in books.queues and not any(document["kind"] == "overflow" for document in receiver.taken):
                assert set(receiver.shown()) == books.held_at(name), f"I4: {name} sees something else than is held"

    @invariant()
    def i5_nothing_is_lost_from_the_books(self) -> None:
        """I5: what was created is in exactly one state, and what counts as sent was taken."""
        app = self.stage.app
        if app is None:
            return
        rows, counts = self.ask(count_deliveries(self.stage, app.state, self.receivers))
        for name, receiver in self.receivers.items():
            states, counted = rows.get(name, {}), counts[name]
            taken = {document["id"] for document in receiver.taken}
            assert states.get(DeliveryState.SENT, 0) <= len(taken), "I5: counted as sent, and not taken"
            if self.crashes:  # counters end with the process, rows do not
                continue
            assert counted[DeliveryState.QUEUED] == sum(states.values()), "I5: created and nowhere"
            final = {state: counted[state] for state in DeliveryState if state.is_final and counted[state]}
            assert final == {state: n for state, n in states.items() if state.is_final}, "I5: ended and nowhere"

    @invariant()
    def i5_what_opened_has_one_fate(self) -> None:
        """I5, of decisions: each alert and notice that was opened has one fate, but for those that are untold yet."""
        app = self.stage.app
        if app is None:
            return
        books = read_books(app.state)
        told = [alert for alert in books.firing if alert.is_told]
        untold = sum(alert.is_open for alert in books.alerts.values()) - len(told) + books.untold_notices
        fates = sum(self.stage.counted("decisions", outcome=fate) for fate in FATES)
        opened = self.stage.counted("decisions", outcome="opened")
        assert opened == fates + untold, f"I5: {opened} opened, {fates} fates, {untold} open and untold"

    @invariant()
    def i6_no_change_no_message(self) -> None:
        """I6: where nothing waited before a step, and nothing changed in it, nothing was told but of kwatch itself."""
        if self.stage.app is None:
            return
        books, told = read_books(self.stage.app.state), [len(each.taken) for each in self.receivers.values()]
        before, self.before = self.before, (books, told)
        if before is None or before[0].queues or before[0].state != books.state:
            return
        for receiver, seen in zip(self.receivers.values(), before[1], strict=True):
            new = [document["kind"] for document in receiver.taken[seen:] if document["kind"] not in ALONE]
            assert not new, f"I6: {new} though nothing changed"

    @invariant()
    def i7_the_pace_is_kept(self) -> None:
        self.receivers["slow"].check_pace(self.crashes, self.settings)
        for receiver in self.receivers.values():
            receiver.check_pause()

    def check_invariants(self, *words: Any) -> None:
        self.is_sound = False
        super().check_invariants(*words)
        self.is_sound = True

    def settle(self) -> None:
        """When faults and silences end, the view of who is told becomes what is true (I1, I4), and stays (I6)."""
        for receiver in self.receivers.values():
            receiver.is_down, receiver.loses_reply, receiver.asks_for = False, False, 0.0
        self.end_silences()
        self.advance(QUIESCENCE)
        shown = {word.removeprefix("broken ") for word in self.receivers["fast"].shown().values()}
        assert {name for name in shown if " " not in name} == self._true(), "I4: what was told is not what is"
        told = len(self.stage.told)
        self.advance(QUIESCENCE)
        assert len(self.stage.told) == told, "I6: told though nothing happened"

    def teardown(self) -> None:
        try:
            if self.is_sound:
                self.settle()
        finally:
            self.closing.close()
            shutil.rmtree(self.folder)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.receivers[request.url.path.strip("/")].answer(request, self.stage.now())

    def _load(self, text: str) -> None:
        self.stage.write(text)
        if self.stage.app is not None:
            self.stage.app.reloader.request()
        self.advance(1)

    def _write(self, name: str, *, is_ready: bool) -> None:
        self._turn(name, is_ready)
        since = self.stage.second(self.stage.now())
        ready = manifests.condition("Ready", holds=is_ready, since=since)
        self.stage.cluster.apply(manifests.pod(name, status={"conditions": [ready]}))

    def _turn(self, name: str, is_ready: bool | None) -> None:
        """Note what becomes of a Pod; None: it goes."""
        if self.ready.get(name) is not is_ready:
            self.turned_at[name] = self.stage.now()
        if is_ready is None:
            del self.ready[name]
        else:
            self.ready[name] = is_ready

    def _disturb(self) -> None:
        self.disturbed_at = self.stage.now()

    def _is_settled(self, name: str, seconds: float) -> bool:
        """Whether a Pod has been what it is for so long, and nothing kept kwatch from seeing it."""
        return self.stage.now() - max(self.disturbed_at, self.turned_at[name]) > seconds

    def _waits(self, destination: str, fingerprint: str) -> bool:
        """Whether some row that tells of an alert has not arrived, and says why."""
        assert self.stage.app is not None
        rows = self.ask(
            self.stage.app.state.newest([each for each in DeliveryState if each is not DeliveryState.SENT], 1000)
        )
        return any(
            row.notification.destination == destination and alert.fingerprint == fingerprint
            for row in rows
            for alert in row.notification.content.alerts
        )

    def _true(self) -> set[str]:
        if "enabled: false}\n  - {name: often" in self.config:
            return set()
        return {name for name, is_ready in self.ready.items() if not is_ready}
