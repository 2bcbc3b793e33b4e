"""What holds for every channel: what it says, how it looks after what it was given, and what it keeps to itself."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from kwatch.clock import Clock
from kwatch.model.notifications import Content, Count, NotificationKind, Part, Section
from kwatch.notify.base import Tools
from kwatch.testing.contract.desk import Desk
from kwatch.testing.contract.samples import alert, content
from kwatch.testing.vendors import Vendor

Kind = NotificationKind
_TITLE = "CRITICAL · crash-loop · payments/Deployment/worker"

#: What is said of each kind.
SAID = {
    Kind.FIRING: [_TITLE, "FIRING since 14:02 UTC (12 m)"],
    Kind.UPDATE: [_TITLE, "FIRING since 14:02 UTC (12 m)"],
    Kind.REPEAT: ["still firing after 12 m", "payments/Deployment/worker"],
    Kind.NOTICE: [_TITLE, "NOTICE at 14:02 UTC"],
    Kind.SUMMARY: ["1 problem was already there"],
    Kind.OVERFLOW: ["37 more", "since 14:02 UTC", "21 × crash-loop (payments)", "deliveries show n7qf3-1"],
    Kind.DIGEST: ["DIGEST", "14:02 UTC to 14:14 UTC", "1 new", "crash-loop", "payments/Deployment/worker"],
    Kind.META: ["KWATCH · the destination oncall is suspended"],
    Kind.TEST: ["TEST · the destination oncall is suspended"],
}


def facts_of(kind: Kind) -> Content:
    """Return the facts of a notification of each kind."""
    match kind:
        case Kind.META | Kind.TEST:
            return content(kind=kind, alerts=(), alert_count=0, text="the destination oncall is suspended")
        case Kind.OVERFLOW:
            counts = (Count("crash-loop", "payments", 21),)
            return content(alert(), alert(rule="other"), kind=kind, folded=37, counts=counts)
        case Kind.DIGEST:
            return content(kind=kind, sections=(Section(Part.NEW, 1, 1),))
        case _:
            return content(kind=kind)


class Contract:
    """What holds for every channel."""

    #: The module with `Config` and `create`.
    channel: ClassVar[ModuleType]
    #: Makes the vendor for one test.
    vendor: ClassVar[Callable[[Clock], Vendor]]

    @asynccontextmanager
    async def reach(self, vendor: Any, tools: Tools) -> AsyncIterator[Tools]:
        """Give the tools by which the channel gets to the vendor; over HTTP it always does."""
        yield tools

    @pytest.fixture
    def desk(self, tmp_path: Path) -> Iterator[Desk]:
        """Give a destination at the vendor."""
        with Desk(self.channel, type(self).vendor, tmp_path, self.reach) as desk:
            yield desk

    @pytest.mark.parametrize("kind", SAID)
    def test_each_kind_says_what_where_and_how_it_is(self, desk: Desk, kind: Kind) -> None:
        desk.tell(facts_of(kind))
        for words in SAID[kind]:
            assert words in desk.text

    def test_each_rendering_gives_the_same_bytes(self, desk: Desk) -> None:
        assert desk.render() == desk.render(channel=desk.create())

    def test_a_megabyte_of_control_characters_becomes_a_short_message(self, desk: Desk) -> None:
        hostile = "\x1b[31m\x00\u202e<script>\r\nBcc: evil\x85" * 32_000
        labels = {**alert().labels, "workload": "Deployment/\u202eevil\x1b[2J"}
        desk.tell(content(alert(message=hostile, annotations={}, labels=labels)))
        assert not {"\x1b", "\x00", "\u202e", "\x85"} & set(desk.text)
        assert "characters more" in desk.text
