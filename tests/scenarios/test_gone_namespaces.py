"""What goes with its namespace where labels choose those: it was watched to its end, whoever of both is heard first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play, pod

RULES = """
watch: {namespaces: {selector: team=x}}
packs: []
rules:
  - {name: went, on: resource, match: {kind: Pod, change: deleted}, mode: notice, key: [namespace, name]}
"""


def namespace(**labels: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


def staged(folder: Path, **labels: str) -> Stage:
    stage, _ = play(folder, RULES + HOOK)
    stage.apply(-200, namespace(**labels))
    stage.apply(-100, pod("a"))
    return stage


def end(stage: Stage, at: float) -> None:
    """Delete the Pod, and the namespace after it."""
    stage.delete(at, "a")
    stage.at(at + 1, lambda: stage.cluster.delete(namespace()))


def told_of(stage: Stage) -> list[tuple[str, bool]]:
    return [(line, told.document["is_late"]) for line, told in zip(stage.lines, stage.told, strict=True)]


def nothing_more(_: Stage) -> None:
    """It stays away."""


def begin_again(stage: Stage) -> None:
    stage.apply(560, namespace())


def begin_again_selected(stage: Stage) -> None:
    stage.apply(560, namespace(team="x"))


@pytest.mark.parametrize("then", [nothing_more, begin_again, begin_again_selected])
def test_while_kwatch_is_away(tmp_path: Path, then: Callable[[Stage], None]) -> None:
    stage = staged(tmp_path, team="x")
    stage.absent(500, 600)
    end(stage, 550)
    then(stage)
    stage.absent(700, 800)
    stage.run(until=1500)
    assert told_of(stage) == [("600 hook notice went shop/Pod/a", True)]


def test_where_it_was_not_selected_nothing_is_told(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    stage.absent(500, 600)
    end(stage, 550)
    stage.run(until=1500)
    assert stage.lines == []


@pytest.mark.parametrize(
    ("left_at", "ended_at"), [(300, None), (550, None), (300, 400), (300, 550), (300, 650), (550, 650), (550, 850)]
)
def test_where_it_is_selected_no_more_nothing_is_told(tmp_path: Path, left_at: float, ended_at: float | None) -> None:
    """Kwatch is away from 500 to 600 and from 800 to 900."""
    stage = staged(tmp_path, team="x")
    stage.apply(left_at, namespace(team="y"))
    stage.absent(500, 600)
    if ended_at is not None:
        end(stage, ended_at)
    stage.absent(800, 900)
    stage.run(until=1500)
    assert stage.lines == []


@pytest.mark.parametrize(("team", "told"), [("x", [("130 hook notice went shop/Pod/a", False)]), ("y", [])])
def test_where_its_end_is_heard_first(tmp_path: Path, team: str, told: list[tuple[str, bool]]) -> None:
    stage = staged(tmp_path, team=team)
    stage.at(100, lambda: stage.cluster.strike(Fault(effect=Effect.DELAY, path="*/pods", seconds=30)))
    end(stage, 100.5)
    stage.run(until=600)
    assert told_of(stage) == told


def test_where_namespaces_may_not_be_listed_nobody_knows_that_it_has_ended(tmp_path: Path) -> None:
    stage = staged(tmp_path, team="x")
    stage.absent(500, 600)
    for verb in ("list", "watch"):
        stage.at(550, lambda verb=verb: stage.cluster.access.forbid(verb, "namespaces"))  # type: ignore[misc]
    stage.delete(550, "a")
    stage.run(until=700)
    assert stage.lines == ["601 hook meta kwatch may not watch v1/namespaces: what needs it is missed"]
