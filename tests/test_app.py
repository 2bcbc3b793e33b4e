"""The whole of kwatch in virtual time: its stop, a store that fails for real, a cluster that sends nonsense."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from kwatch.app import DRAIN_SECONDS
from kwatch.board import LiveBoard
from kwatch.control import LiveControl
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from kwatch.web.routes import create_app

RULES = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s}
route: {receiver: team, group_by: [rule, namespace, name], group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""
FORBIDDEN = """rules:
  - {name: noted, on: event, match: {reason: Noted}, mode: notice}
  - {name: labelled, on: event, match: {kind: Pod, reason: Labelled, labels: {app: web}}, mode: notice}"""
FAILED: Mapping[str, Any] = {"phase": "Failed"}


class Looks:
    """What `/readyz` said, by the instant of the look."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tasks: list[asyncio.Task[None]] = []
        self.seen: dict[float, httpx.Response] = {}

    def at(self, *instants: float, path: str = "/readyz") -> None:
        for instant in instants:
            self._stage.at(instant, lambda: self._tasks.append(asyncio.create_task(self._look(path))))

    async def _look(self, path: str) -> None:
        at = self._stage.now()
        assert self._stage.app is not None
        transport = httpx.ASGITransport(app=create_app(LiveBoard(self._stage.app), LiveControl(self._stage.app)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            self.seen[at] = await client.get(path)

    def source(self, at: float, source_id: str) -> dict[str, Any]:
        sources = self.seen[at].json()["sources"]
        return next(source for source in sources if source["id"] == source_id)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, RULES)


def fill(stage: Stage) -> None:
    """Let the disk be full: the file cannot grow."""
    connection = stage.app.state._connection  # type: ignore[union-attr]
    connection.pragma("max_page_count", connection.pragma("page_count"))


def make_room(stage: Stage) -> None:
    stage.app.state._connection.pragma("max_page_count", 1 << 30)  # type: ignore[union-attr]


def names(stage: Stage) -> list[str]:
    """The objects that were told, as often as they were."""
    return [alert["labels"]["name"] for told in stage.told for alert in told.document["alerts"]]


# The store fails


def test_a_full_disk_stops_intake_and_not_the_process(stage: Stage) -> None:
    looks = Looks(stage)
    stage.at(10, lambda: fill(stage))
    for number in range(40):
        stage.pod(20 + number, f"web-{number:02}", status=FAILED)
    stage.at(600, lambda: make_room(stage))
    looks.at(5, 500, 620)
    stage.run(until=700)
    assert [looks.seen[at].status_code for at in (5, 500, 620)] == [200, 503, 200]
    assert looks.seen[500].json()["store"] == {
        "ok": False,
        "error": "the state cannot be used: database or disk is full",
    }
    assert sorted(names(stage)) == [f"web-{number:02}" for number in range(40)]
    assert 0 < sum(message.at < 600 for message in stage.told) < 40
    assert stage.counted("commit_failures") > 10


def test_a_locked_database_stops_intake_and_not_the_process(stage: Stage, tmp_path: Path) -> None:
    looks = Looks(stage)
    other: list[apsw.Connection] = []

    def lock() -> None:
        other.append(apsw.Connection(str(tmp_path / "state" / "state.db")))
        other[0].execute("BEGIN EXCLUSIVE")

    stage.at(10, lock)
    stage.pod(20, "web-1", status=FAILED)
    stage.at(40, lambda: other[0].execute("ROLLBACK"))
    looks.at(5, 35, 60)
    stage.run(until=700)
    assert [looks.seen[at].status_code for at in (5, 35, 60)] == [200, 503, 200]
    assert looks.seen[35].json()["store"]["error"] == "the state cannot be used: database is locked"
    assert [(told.kind, told.rules) for told in stage.told] == [("firing", ("broken",))]
    assert 40 <= stage.told[0].at <= 46


def test_a_store_that_cannot_even_be_read_is_shown(stage: Stage) -> None:
    """Whatever SQLite says: no traceback instead of an answer."""
    looks = Looks(stage)
    stage.at(10, lambda: stage.app.state._connection.execute("ALTER TABLE deliveries RENAME TO gone"))  # type: ignore[union-attr]
    looks.at(20)
    looks.at(21, path="/")
    stage.at(30, lambda: stage.app.state._connection.execute("ALTER TABLE gone RENAME TO deliveries"))  # type: ignore[union-attr]
    stage.run(until=40)
    assert [looks.seen[at].status_code for at in (20, 21)] == [503, 503]
    assert "no such table: deliveries" in looks.seen[20].json()["store"]["error"]
    assert looks.seen[21].json() == {"error": "the state cannot be used: no such table: deliveries"}


def test_it_stops_also_while_the_store_fails(stage: Stage) -> None:
    stage.at(10, lambda: fill(stage))
    for number in range(40):
        stage.pod(20, f"web-{number:02}", status=FAILED)
    stage.absent(60, 60, is_killed=False)
    stage.run(until=700)
    assert sorted(names(stage)) == [f"web-{number:02}" for number in range(40)]
    assert {message.at for message in stage.told if message.at > 60} == {65}  # 5 s for the store


def test_what_is_about_a_forbidden_kind_is_told_where_nothing_of_it_is_asked(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES.replace("rules:", FORBIDDEN))
    looks = Looks(stage)
    for verb in ("list", "watch", "get"):
        stage.cluster.access.forbid(verb, "pods")
    stage.event(10, reason="Noted")
    stage.event(10, name="web-1.b", reason="Labelled")
    looks.at(20)
    stage.run(until=60)
    assert (looks.seen[20].status_code, looks.seen[20].json()["status"]) == (200, "degraded")
    assert looks.source(20, "v1/pods")["state"] == "forbidden"
    assert stage.lines == [
        "-30 hook meta kwatch may not watch v1/pods: what needs it is missed",
        "10 hook notice noted shop/Pod/web-1",
    ]
    assert stage.counted("lookups_failed") == 1


# The stop


def test_a_stop_lets_the_delivery_under_way_end(stage: Stage) -> None:
    stage.answers_after = 8
    stage.pod(10, "web-1", status=FAILED)
    stage.absent(12, 100, is_killed=False)
    stage.run(until=200)
    assert stage.lines == ["18 hook firing broken shop/Pod/web-1"]


def test_a_stop_leaves_what_was_not_begun_to_the_next_start(stage: Stage) -> None:
    stage.answers_after = 8
    for number in range(20):
        stage.pod(10, f"web-{number:02}", status=FAILED)
    stage.absent(12, 100, is_killed=False)
    stage.run(until=400)
    before = [told for told in stage.told if told.at < 100]
    assert 0 < len(before) < 20
    assert {told.at for told in before} == {18}
    assert len({str(told).partition(" ")[2] for told in stage.told}) == len(stage.told) == 20


def test_a_stop_does_not_wait_for_ever_for_a_receiver(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES.replace("url:", "timeout: 60s, url:"))
    stage.answers_after = 50
    stage.pod(10, "web-1", status=FAILED)
    stage.absent(12, 13, is_killed=False)
    stage.run(until=200)
    assert DRAIN_SECONDS == 20
    assert stage.lines == [f"{12 + 20 + 50} hook firing broken shop/Pod/web-1"]


def test_a_stop_says_so_while_it_lasts(stage: Stage) -> None:
    looks = Looks(stage)
    stage.answers_after = 8
    stage.pod(10, "web-1", status=FAILED)
    stage.absent(12, 100, is_killed=False)
    looks.at(14)
    stage.run(until=30)
    assert looks.seen[14].status_code == 503
    assert looks.seen[14].json()["stopping"] is True


def test_a_stop_before_the_first_list_is_a_stop(stage: Stage) -> None:
    stage.cluster.faults.add(Fault(effect=Effect.HALF_OPEN, times=1000))
    stage.absent(-29, 10, is_killed=False)
    stage.pod(20, "web-1", status=FAILED)
    stage.at(0, stage.cluster.faults.clear)
    stage.run(until=60)
    assert stage.lines == ["20 hook firing broken shop/Pod/web-1"]


# The start


def test_an_api_server_that_is_down_at_the_start_is_waited_for(stage: Stage) -> None:
    looks = Looks(stage)
    stage.cluster.faults.add(Fault(effect=Effect.DROP, times=100_000))
    stage.at(300, stage.cluster.faults.clear)
    stage.pod(400, "web-1", status=FAILED)
    looks.at(290, 390)
    stage.run(until=500)
    assert looks.seen[290].status_code == 503
    assert looks.source(290, "discovery")["error"] == "connection reset by peer"
    assert looks.seen[390].status_code == 200
    assert stage.lines == ["400 hook firing broken shop/Pod/web-1"]


def test_it_is_not_ready_before_events_are_watched(stage: Stage) -> None:
    """The objects are in sync at once, and the Events cannot be listed."""
    looks = Looks(stage)
    stage.cluster.faults.add(Fault(effect=Effect.HALF_OPEN, path="*/events", times=1))
    looks.at(-20)
    stage.run(until=-10)
    assert looks.seen[-20].status_code == 503
    assert looks.source(-20, "v1/pods")["ok"]
    assert looks.source(-20, "discovery")["state"] == "listing"


def test_a_kind_that_is_not_served_is_named_and_awaited(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES + "watch: {resources: [Widget.example.com]}\n")
    looks = Looks(stage)
    looks.at(10)
    stage.run(until=20)
    assert looks.seen[10].status_code == 200
    assert looks.source(10, "discovery")["error"] == "not served (yet): Widget.example.com"
