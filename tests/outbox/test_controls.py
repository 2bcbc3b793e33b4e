"""Each fault is seen: the row of the specification fails as soon as what guards against the fault is taken away.

A control plays a row with one guard less: a state, a destination or a gate that leaves out one step. That the row then
fails shows that the fault was there, and that the guard is what holds.
"""

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import test_epochs
import test_faults_of_destinations as destinations
import test_faults_of_kwatch as kwatch
from outbox_kit import Sink, play_on

from kwatch.errors import StateError
from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, DeliveryState, Message, Notification
from kwatch.outbox.gate import Gate
from kwatch.store.deliveries import Settlement
from kwatch.store.state import State
from kwatch.store.writer import Writer


class Unkeyed(State):
    """Every decision has ids of its own, also one that is decided again."""

    decided = 0

    async def commit(self, decision: Decision) -> None:
        Unkeyed.decided += 1
        told = tuple(
            msgspec.structs.replace(each, id=f"{each.id}/{self.decided}", sequence=self.decided, kind=each.kind)
            for each in decision.notifications
        )
        await super().commit(msgspec.structs.replace(decision, notifications=tuple(map(self._alone, told))))

    def _alone(self, each: Notification) -> Notification:
        return msgspec.structs.replace(each, incident=f"{each.incident}/{self.decided}")


class Volatile(State):
    """What is decided is not kept over a crash."""

    async def commit(self, decision: Decision) -> None:
        await super().commit(msgspec.structs.replace(decision, notifications=()))


class Abandoning(State):
    """Leases of the process before are not given back."""

    async def recover(self, now: datetime) -> int:
        return 0


class Rerendering(State):
    """The bytes of an attempt are not kept."""

    async def lease(self, delivery: Delivery, message: Message) -> bool:
        is_leased = await super().lease(delivery, message)
        self._connection.execute("UPDATE deliveries SET message = NULL WHERE id = ?", (delivery.notification.id,))
        return is_leased


class Careless(State):
    """A store that fails is taken for one that has stored."""

    async def recover(self, now: datetime) -> int:
        try:
            return await super().recover(now)
        except StateError:
            return 0

    async def complete(self, notification: Notification) -> Notification:
        try:
            return await super().complete(notification)
        except StateError:
            return notification

    async def lease(self, delivery: Delivery, message: Message) -> bool:
        try:
            return await super().lease(delivery, message)
        except StateError:
            return True

    async def settle(self, settlement: Settlement) -> None:
        try:
            await super().settle(settlement)
        except StateError:
            return


class Resigned(State):
    """What has failed once is given up."""

    async def settle(self, settlement: Settlement) -> None:
        if settlement.state is DeliveryState.RETRY_WAIT or settlement.is_rendered_again:
            settlement = msgspec.structs.replace(settlement, state=DeliveryState.DEAD)
        await super().settle(settlement)


class Doubtless(State):
    """What may have arrived is taken for what has not."""

    async def settle(self, settlement: Settlement) -> None:
        await super().settle(msgspec.structs.replace(settlement, is_ambiguous=False))


class Overtaking(State):
    """The newest of a lane goes first."""

    async def due(self, destination: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
        waiting = await self.newest((DeliveryState.QUEUED, DeliveryState.RETRY_WAIT), limit)
        return tuple(each for each in waiting if each.due_at <= now)


class Uncancelled(State):
    """Ends are told though nobody heard of the beginning."""

    async def settle(self, settlement: Settlement) -> None:
        await super().settle(settlement)
        self._connection.execute(
            "UPDATE deliveries SET state = 'queued', reason = '', finished_at = NULL WHERE state = 'cancelled'"
        )


class Faithless(State):
    """What is too old is told all the same."""

    async def due(self, destination: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
        rows = await super().due(destination, now, limit)
        return tuple(msgspec.structs.replace(row, renewed_at=now) for row in rows)


class Unfenced(State):
    """Nobody looks whose epoch it is."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self._writer = _Unfenced(self._connection, self._executor, self._counters)


class _Unfenced(Writer):
    def _stay_in_charge(self) -> int:
        return self._epoch


class Endless(Sink):
    """Nothing cuts an attempt."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.timeout = 1e9


class Ungated(Gate):
    """It is sent to whatever it answers."""

    def after(self, outcome: object, now: datetime) -> Gate:
        return self


Row = Callable[..., None]
Guard = Mapping[str, Any]
NO_GATE: Guard = {"gate": Ungated()}


def without(guard: type[State]) -> Guard:
    return {"state_type": guard}


CONTROLS: tuple[tuple[Row, Guard], ...] = (
    (kwatch.test_f_01_a_crash_after_t1_and_a_replay_send_once, without(Unkeyed)),
    (kwatch.test_f_02_a_crash_between_t1_and_t2_sends_once_after_the_restart, without(Volatile)),
    (kwatch.test_f_03_a_crash_between_t2_and_the_connection_sends_once_as_attempt_2, without(Abandoning)),
    (kwatch.test_f_04_a_crash_after_the_reply_is_one_duplicate, without(Rerendering)),
    (kwatch.test_f_04_f_05_a_crash_around_t3_sends_the_same_bytes_at_most_twice, without(Abandoning)),
    (kwatch.test_f_07_a_full_disk_delays_the_outcome_and_loses_nothing, without(Careless)),
    (kwatch.test_f_08_nothing_is_sent_that_cannot_be_leased, without(Careless)),
    (kwatch.test_f_08_what_is_leased_is_sent_and_its_outcome_is_kept, without(Careless)),
    (kwatch.test_f_37_what_outlasts_the_grace_stays_leased_and_is_sent_again, without(Abandoning)),
    (destinations.test_f_10_the_breaker_opens_once_and_one_goes_through, NO_GATE),
    (destinations.test_f_11_an_hour_without_connection_is_told_late_and_collapsed, without(Resigned)),
    (destinations.test_f_12_a_destination_that_never_answers_is_cut_at_its_timeout, {"sink_type": Endless}),
    (destinations.test_f_15_three_failures_and_then_a_success, without(Resigned)),
    (destinations.test_f_16_a_pause_holds_every_lane_of_the_destination, NO_GATE),
    (destinations.test_f_18_pauses_without_a_word_are_no_hammering, NO_GATE),
    (destinations.test_f_19_after_a_pause_of_a_day_a_chat_is_told_late_in_a_list, without(Faithless)),
    (destinations.test_f_20_a_refused_rich_message_is_delivered_plain, without(Resigned)),
    (destinations.test_f_21_what_is_too_large_is_shortened_once, without(Resigned)),
    (destinations.test_f_22_a_suspended_destination_keeps_its_queue_and_drains_it_in_order, NO_GATE),
    (destinations.test_f_24_gone_is_not_probed, NO_GATE),
    (destinations.test_f_28_a_resolve_never_overtakes_its_trigger, without(Overtaking)),
    (destinations.test_f_29_the_resolve_of_a_dead_trigger_is_cancelled, without(Uncancelled)),
    (destinations.test_f_30_the_resolve_of_an_ambiguous_trigger_is_sent, without(Doubtless)),
    (destinations.test_f_44_a_bug_in_rendering_is_told_plain, without(Resigned)),
    (destinations.test_what_is_in_doubt_is_looked_for_before_it_is_sent_again, without(Doubtless)),
)


def _name(part: Any) -> str:
    if callable(part):
        return str(part.__name__).removeprefix("test_")
    guard: Any = next(iter(part.values()))
    return guard.__name__ if isinstance(guard, type) else type(guard).__name__


@pytest.mark.parametrize(("row", "guard"), CONTROLS, ids=_name)
def test_a_row_fails_without_its_guard(
    row: Row, guard: Guard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = {"tmp_path": tmp_path, "caplog": caplog, "is_before": True, "kind": destinations.Searchable, "requests": 1}
    words["play"] = play_on(tmp_path / "state", **guard)
    asked = inspect.signature(row).parameters
    with pytest.raises((AssertionError, IndexError, ExceptionGroup)):
        row(**{name: word for name, word in words.items() if name in asked})


def test_f_38_a_stale_epoch_stores_if_nobody_looks(tmp_path: Path) -> None:
    state = test_epochs.lost(tmp_path, Unfenced)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_epochs.test_f_38_t1_t2_and_t3_of_a_stale_epoch_are_rejected(state, tmp_path)
    state.close()
