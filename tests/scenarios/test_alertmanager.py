"""kwatch and two replicas of an Alertmanager, in virtual time: what is so is what they hold."""

from pathlib import Path

import httpx

from kwatch.testing.stage import Stage
from kwatch.testing.vendors import CANARY
from kwatch.testing.vendors.alertmanager import Alertmanager

RULES = """
rules:
  - name: not-ready
    on: resource
    match: {kind: Pod, condition: {Ready: "False"}}
    severity: critical
    resolve_hold: 10s
route: {receiver: team, group_wait: 0s, group_interval: 10s}
receivers:
  team:
    - type: alertmanager
      urls: ["http://alertmanager-0:9093/", "http://alertmanager-1:9093/"]
      token: {file: FOLDER/token}
packs: []
"""


class Play:
    """A stage with two replicas; those in `down` refuse connections."""

    def __init__(self, folder: Path) -> None:
        (folder / "token").write_text(CANARY)
        self.stage = Stage(folder, RULES)
        self.replicas = [Alertmanager(self.stage.clock) for _ in range(2)]
        self.down: set[int] = set()
        self.times: list[float] = []  # of what the first replica was posted
        self.seen: dict[float, list[list[str]]] = {}
        for number in range(2):
            self.stage.hosts[f"alertmanager-{number}"] = self.answer

    async def answer(self, request: httpx.Request) -> httpx.Response:
        number = int(request.url.host[-1])
        if number in self.down:
            raise httpx.ConnectError("refused")
        if number == 0:
            self.times.append(self.stage.now())
        return await self.replicas[number].answer(request)

    def look(self, *at: float) -> None:
        """Note what fires at each replica at these instants."""
        for instant in at:
            self.stage.at(instant, lambda instant=instant: self.seen.update({instant: self.active()}))

    def active(self) -> list[list[str]]:
        return [[alert["labels"]["name"] for alert in replica.active()] for replica in self.replicas]


def test_what_fires_is_posted_each_minute_and_what_has_ended_for_15_more(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(5, ready=False)
    play.stage.pod(195, ready=True)
    play.look(4, 6, 199, 240)
    play.stage.run(until=1200)
    assert play.seen == {4: [[], []], 6: [["web-1"]] * 2, 199: [["web-1"]] * 2, 240: [[], []]}
    assert play.times[0] == 5
    assert [at for at in play.times if at % 60 == 30] == [30, 90, 150, *range(210, 1091, 60)]


def test_a_replica_that_comes_back_empty_holds_it_again_within_a_minute(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(5, ready=False)

    def restart() -> None:
        play.replicas[1] = Alertmanager(play.stage.clock)

    play.stage.at(600, restart)
    play.look(601, 660)
    play.stage.run(until=700)
    assert play.seen == {601: [["web-1"], []], 660: [["web-1"]] * 2}


def test_F11_after_an_hour_without_any_replica_all_is_as_it_is(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.down = {0, 1}
    play.stage.pod(5, "gone", ready=False)
    play.stage.pod(5, "stays", ready=False)
    play.stage.pod(1800, "gone", ready=True)
    play.stage.at(3600, play.down.clear)
    play.look(3661)
    play.stage.run(until=3700)
    assert play.seen == {3661: [["stays"]] * 2}


def test_a_kill_of_kwatch_leaves_no_gap(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(5, ready=False)
    play.stage.absent(100, 200)
    play.look(*range(10, 400, 10))
    play.stage.run(until=400)
    assert set(map(str, play.seen.values())) == {str([["web-1"]] * 2)}


def test_the_end_of_kwatch_ends_what_nobody_watches_any_more(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(5, ready=False)
    play.stage.absent(100, 1000)
    play.look(320, 340)
    play.stage.run(until=1100)
    assert play.seen == {320: [["web-1"]] * 2, 340: [[], []]}
