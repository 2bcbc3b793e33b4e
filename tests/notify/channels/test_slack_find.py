"""Slack: whether a message that may have arrived is found in its channel."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.clock import Clock
from kwatch.model.notifications import Receipt
from kwatch.notify.channels import slack
from kwatch.testing.contract import Desk, Suite
from kwatch.testing.vendors.slack import Slack
from tests.notify.samples import alert, content, delivery, notification


def in_use(clock: Clock) -> Slack:
    """Return a workspace whose bot may read, and that takes many posts at once."""
    vendor = Slack(clock, burst=100)
    vendor.has_history = True
    return vendor


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(slack, in_use, tmp_path, Suite().reach) as desk:
        yield desk


def find(desk: Desk) -> Receipt | None:
    channel: Any = desk.create(channel="C042")
    of = notification()
    message = desk.render(channel=channel)
    found: Receipt | None = desk.run(channel.find(message, delivery(of, message)))
    return found


@pytest.mark.parametrize("text", ["m" * 4000, "\u4e2d" * 4000], ids=["Latin", "Chinese"])
def test_F26_a_message_is_found_in_a_channel_full_of_large_ones(desk: Desk, text: str) -> None:
    """All that kwatch posts at its pace in a minute and more, as large as it comes, before and after it."""
    for number in range(40):
        desk.tell(content(alert(message=text)), incident=f"kw/before-{number}/1")
    told = desk.tell()
    for number in range(9):
        desk.tell(content(alert(message=text)), incident=f"kw/after-{number}/1")
    assert find(desk) == told
    assert len(desk.wire.answers[-1].content) > 64 * 1024


def test_F26_a_message_that_did_not_arrive_is_not_found(desk: Desk) -> None:
    desk.tell(incident="kw/another/1")
    assert find(desk) is None


def test_F26_an_answer_without_end_finds_nothing_and_takes_no_memory(desk: Desk) -> None:
    desk.wire.faults.append(httpx.Response(200, content=b'{"ok": true, "messages": [' + b" " * (4 << 20)))
    assert find(desk) is None
