"""T08: whatever the channel that is dead and whatever its fallback, that is told the whole incident, and its end."""

import asyncio
import importlib
import random
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from kwatch.model.decisions import Decision
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.routes import Fallback, Handling, Policies
from kwatch.notify.base import Channel
from kwatch.outbox.outbox import Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.contract import Desk, Suite
from kwatch.testing.contract.samples import alert, content, notification
from kwatch.testing.virtual import InlineExecutor

VENDORS = {
    "discord": "Discord",
    "googlechat": "GoogleChat",
    "grafana": "Grafana",
    "incidentio": "IncidentIo",
    "matrix": "Matrix",
    "mattermost": "Mattermost",
    "opsgenie": "Opsgenie",
    "pagerduty": "PagerDuty",
    "slack": "Slack",
    "teams": "Teams",
    "telegram": "Telegram",
    "webhook": "Receiver",
}


def desk_of(channel: str, folder: Path) -> Desk:
    folder.mkdir()
    module = importlib.import_module(f"kwatch.notify.channels.{channel}")
    vendor: Any = getattr(importlib.import_module(f"kwatch.testing.vendors.{channel}"), VENDORS[channel])
    return Desk(module, vendor, folder, Suite().reach)


def dead(channel: str, folder: Path) -> Channel:
    """Return a channel whose server is gone."""
    with desk_of(channel, folder) as desk:
        desk.wire.faults.extend([httpx.ConnectError("refused")] * 1000)
        return desk.create()


def told(primary: str, desk: Desk, kind: NotificationKind, sequence: int) -> Notification:
    """Return what a primary is to be told now of an incident of its own."""
    facts = content(alert(fingerprint=f"of-{primary}", labels={**alert().labels, "namespace": primary}), kind=kind)
    made = notification(facts, sequence=sequence, incident=f"kw/{primary}/1", destination=primary)
    return msgspec.structs.replace(made, id=f"{primary}-{sequence}", created_at=desk.clock.now())


async def play(desk: Desk, primaries: dict[str, Channel], folder: Path) -> list[str]:
    """Let each incident open, and end after ten minutes; return what people see at the fallback meanwhile."""
    state = State.open(folder / "state", InlineExecutor())
    handling = Handling(fallbacks=(Fallback("fallback", "spare"),))
    outbox = Outbox(
        state,
        {**primaries, "fallback": desk.channel},
        clock=desk.clock,
        rng=random.Random(1),
        counters=Counters(),
        on_ended=lambda *_: None,
        policies=Policies(handlings=dict.fromkeys(primaries, handling)),
    )

    async def tell(kind: NotificationKind, sequence: int) -> None:
        made = tuple(told(primary, desk, kind, sequence) for primary in primaries)
        await state.commit(Decision(notifications=made))
        outbox.wake((*primaries, "fallback"))

    async with asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        await tell(NotificationKind.FIRING, 1)
        await desk.clock.sleep(600)
        seen = [shown.text for shown in desk.vendor.shown()]
        await tell(NotificationKind.RESOLVED, 2)
        await desk.clock.sleep(600)
        outbox.stop(0)
    state.close()
    return seen


@pytest.mark.parametrize("fallback", VENDORS)
def test_T08_a_fallback_is_told_the_whole_incident_of_every_other_channel(fallback: str, tmp_path: Path) -> None:
    primaries = {name: dead(name, tmp_path / name) for name in VENDORS if name != fallback}
    with desk_of(fallback, tmp_path / fallback) as desk:
        seen = desk.run(play(desk, primaries, tmp_path))
        after = " ".join(shown.text for shown in desk.vendor.shown())
        is_over = [shown for shown in desk.vendor.shown() if shown.is_over]
    for primary in primaries:
        (text,) = (text for text in seen if f"meant for {primary}, which cannot be told" in text)
        assert "crash-loop" in text
        assert f"{primary}/Deployment/worker" in text
        assert "Back-off restarting failed container" in text
    assert len(is_over) == len(primaries) or after.lower().count("resolved") >= len(primaries)
