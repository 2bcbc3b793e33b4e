"""Twenty minutes without an answer: afterwards all arrives at every channel, in order, in lists where its pace says so.

Channels, outbox and state are those of production; the services' stand-ins refuse connections, or answer that they are
away. An incident is open before, one comes and goes meanwhile, twelve begin and go on for an hour.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from kwatch.clock import Clock
from kwatch.errors import SendError
from kwatch.model.decisions import Decision
from kwatch.model.notifications import Delivery, Message, Notification, NotificationKind, Receipt
from kwatch.model.pace import Paces
from kwatch.model.routes import Policies
from kwatch.notify.base import Channel
from kwatch.outbox.outbox import Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import alert, content, notification
from kwatch.testing.vendors.apprise import Apprise
from kwatch.testing.vendors.smtp import Mailbox
from kwatch.testing.virtual import InlineExecutor
from tests.notify.contract.table import column, suites

FIRING, RESOLVED, OVERFLOW = NotificationKind.FIRING, NotificationKind.RESOLVED, NotificationKind.OVERFLOW
AWAY, BACK = 60, 1260  # seconds
MANY = tuple(f"many-{number:02}" for number in range(12))

#: Which of the twelve are told in lists: what is beyond ten at once, or five; a terminal is never away.
NOT_PACED: tuple[str, ...] = ()
BEYOND_TEN, BEYOND_FIVE = MANY[9:], MANY[4:]
LISTED = {
    "alertmanager": NOT_PACED,
    "apprise": BEYOND_TEN,
    "discord": BEYOND_FIVE,
    "discord forum": BEYOND_FIVE,
    "google chat": BEYOND_TEN,
    "grafana": NOT_PACED,
    "incident io": NOT_PACED,
    "matrix": BEYOND_FIVE,
    "mattermost": BEYOND_TEN,
    "mattermost hook": BEYOND_TEN,
    "opsgenie": NOT_PACED,
    "pager duty": NOT_PACED,
    "slack": BEYOND_TEN,
    "slack buttons": BEYOND_TEN,
    "slack webhook": ("many-07", *BEYOND_TEN),  # Slack itself takes no more at once of a webhook
    "smtp": BEYOND_TEN,
    "teams": BEYOND_TEN,
    "telegram": BEYOND_FIVE,
    "webhook": NOT_PACED,
    "webhook cloudevents": NOT_PACED,
    "webhook cloudevents binary": NOT_PACED,
}
SUITES = {column(suite): suite for suite in suites()}


class Taken(NamedTuple):
    """What a destination took: when, of what kind, of which incidents."""

    at: float
    kind: NotificationKind
    names: tuple[str, ...]


class Noting:
    """A channel that notes what was taken."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self.taken: list[Taken] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        receipt = await self._channel.send(message, delivery)
        of = delivery.notification
        names = tuple(sorted(view.labels["namespace"] for view in of.content.alerts))
        self.taken.append(Taken(self._clock.monotonic(), of.kind, names))
        return receipt


class Lying(Noting):
    """A control: what was refused counts as taken."""

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        try:
            return await super().send(message, delivery)
        except SendError:
            return Receipt()


def cut(desk: Desk) -> None:
    """Let the service be away."""
    match desk.vendor:
        case Mailbox() as mailbox:
            mailbox.server.replies["DATA"] = "421 4.3.2 shutting down"
        case Apprise() as service:
            service.statuses.extend([503] * 1000)
        case _:
            desk.wire.faults.extend([httpx.ConnectError("refused")] * 1000)


def mend(desk: Desk) -> None:
    """Let it be back."""
    match desk.vendor:
        case Mailbox() as mailbox:
            mailbox.server.replies.clear()
        case Apprise() as service:
            service.statuses.clear()
        case _:
            desk.wire.faults.clear()


def told(desk: Desk, name: str, kind: NotificationKind) -> Notification:
    """Return what is to be told now of an incident."""
    view = alert(fingerprint=f"of-{name}", labels={**alert().labels, "namespace": name})
    sequence = 2 if kind is RESOLVED else 1
    made = notification(content(view, kind=kind), sequence=sequence, incident=f"kw/{name}/1", destination="team")
    return msgspec.structs.replace(made, created_at=desk.clock.now())


def plot() -> Sequence[tuple[float, Callable[[Desk], None] | tuple[str, NotificationKind]]]:
    """Return what happens when, in order."""
    return (
        (0, ("before", FIRING)),
        (AWAY, cut),
        (300, ("before", RESOLVED)),
        (310, ("meanwhile", FIRING)),
        (500, ("meanwhile", RESOLVED)),
        *((600 + number, (name, FIRING)) for number, name in enumerate(MANY)),
        (BACK, mend),
        *((4200 + 30 * number, (name, RESOLVED)) for number, name in enumerate(MANY)),
    )


async def play(desk: Desk, channel: Noting, state: State) -> None:
    """Let it happen, and end an hour after the last."""
    pace = desk.configure().pace
    outbox = Outbox(
        state,
        {"team": channel},
        clock=desk.clock,
        rng=random.Random(1),
        counters=Counters(),
        on_ended=lambda *_: None,
        policies=Policies(paces=Paces(destinations={} if pace is None else {"team": pace.pace})),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        for at, act in plot():
            await desk.clock.sleep(at - desk.clock.monotonic())
            if callable(act):
                act(desk)
            else:
                await state.commit(Decision(notifications=(told(desk, *act),)))
                outbox.wake(["team"])
        await desk.clock.sleep(3600)
        outbox.stop(0)


def check(suite: Any, folder: Path, listed: Sequence[str], noting: type[Noting] = Noting) -> None:
    """Play an outage at a channel, and look at what arrived."""
    with Desk(suite.channel, suite.vendor, folder, suite().reach) as desk:
        channel = noting(desk.channel, desk.clock)
        state = State.open(folder / "state", InlineExecutor())
        try:
            desk.run(play(desk, channel, state))
            waiting = desk.run(state.queues())
        finally:
            state.close()
        shown = desk.shown
    assert waiting == {}
    assert [taken for taken in channel.taken if AWAY <= taken.at < BACK] == []
    kinds: dict[str, tuple[NotificationKind, ...]] = {}
    for taken in channel.taken:
        kinds |= {name: (*kinds.get(name, ()), taken.kind) for name in taken.names}
    apart = ("before", "meanwhile", *(name for name in MANY if name not in listed))
    assert kinds == dict.fromkeys(apart, (FIRING, RESOLVED)) | dict.fromkeys(listed, (OVERFLOW, OVERFLOW))
    assert [taken.names for taken in channel.taken if taken.kind is OVERFLOW][:1] == ([tuple(listed)] if listed else [])
    for name in (*apart, *listed):
        about = [each for each in shown if f"{name}/Deployment/worker" in each.text]
        assert any(each.is_over or "resolved" in each.text.casefold() for each in about)


@pytest.mark.parametrize("channel", LISTED)
def test_after_20_minutes_without_an_answer_all_arrives_in_order_and_folded_as_the_pace_says(
    channel: str, tmp_path: Path
) -> None:
    check(SUITES[channel], tmp_path, LISTED[channel])


def test_every_channel_is_tried_but_the_terminal() -> None:
    assert sorted(LISTED) == sorted(SUITES.keys() - {"stdout"})


@pytest.mark.parametrize("channel", ["webhook", "slack", "smtp", "pager duty"])
def test_a_channel_that_calls_a_refusal_a_success_is_noticed(channel: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(SUITES[channel], tmp_path, LISTED[channel], Lying)
