"""What may not be watched is told once, however it is refused (T39)."""

from pathlib import Path

from kwatch.testing.fake import Effect, Fault
from tests.scenarios.plays import BROKEN, HOOK, play

REFUSED = "hook meta kwatch may not watch v1/pods: what needs it is missed"


def test_T39_what_may_be_listed_but_not_watched_is_refused_once(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, BROKEN + HOOK)
    stage.cluster.watch_list = False
    stage.cluster.access.forbid("watch", "pods")
    stage.run(until=1800)
    assert stage.lines == [f"-30 {REFUSED}"]


def test_T39_what_is_refused_later_is_told_within_half_a_minute(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, BROKEN + HOOK)
    stage.at(100, lambda: stage.cluster.access.forbid("*", "pods"))
    stage.at(100, lambda: stage.cluster.strike(Fault(effect=Effect.GONE)))
    stage.run(until=1800)
    assert stage.lines == [f"120 {REFUSED}"]
