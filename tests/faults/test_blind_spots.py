"""F-47: what cannot be seen is not claimed to be: a workflow of Teams answers before it posts."""

from pathlib import Path

import httpx

from kwatch.clock import SystemClock
from kwatch.model.notifications import Receipt
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.teams import Teams
from tests.notify.chat_kit import desk_of
from tests.notify.samples import alert, content

PAGE = (Path(__file__).parents[2] / "docs" / "channels.md").read_text("utf-8")


class Orphaned(Teams):
    """Its owner has left: it answers as ever, and posts nothing."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return httpx.Response(202)


def test_F47_a_workflow_that_fails_after_its_answer_counts_as_told_and_the_page_says_so(tmp_path: Path) -> None:
    with desk_of("teams", Orphaned, tmp_path) as desk:
        assert isinstance(desk, Desk)
        assert desk.tell(content(alert())) == Receipt()
        assert desk.vendor.shown() == []
    assert "A workflow answers 202 when it has started, before it posts." in PAGE


def test_F47_a_workflow_that_works_shows_it(tmp_path: Path) -> None:
    assert Teams(SystemClock()).shown() == []
    with desk_of("teams", Teams, tmp_path) as desk:
        desk.tell(content(alert()))
        assert len(desk.vendor.shown()) == 1
