"""A notice about a state: told when the state begins, and not again because kwatch has begun."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play, pod

FAILED = """
packs: []
rules:
  - {name: noted, on: resource, mode: notice, key: [namespace, name],
     match: {kind: Pod, fields: {status.phase: Failed}}}
"""
#: Beside it a rule that compares something else of the same object.
BOTH = FAILED + "  - {name: moved, on: resource, match: {kind: Pod, changed: spec.nodeName}, mode: notice}\n"


def restarted(folder: Path, text: str = FAILED, *, is_compacted: bool = False) -> Stage:
    """Return a play in which `a` fails, kwatch is away from 1000 to 1010 and from 2000 to 2010."""
    stage, pods = play(folder, text + HOOK)
    pods.phase(0, "a")
    stage.absent(1000, 1010)
    stage.absent(2000, 2010, is_killed=False)
    if is_compacted:
        stage.at(1005, stage.cluster.compact)
        stage.at(2005, stage.cluster.compact)
    return stage


@pytest.mark.parametrize("is_compacted", [False, True])
@pytest.mark.parametrize("text", [FAILED, BOTH], ids=["alone", "beside another"])
def test_five_restarts_say_it_once(tmp_path: Path, text: str, is_compacted: bool) -> None:
    stage = restarted(tmp_path, text, is_compacted=is_compacted)
    for begin in (3000, 4000, 5000):
        stage.absent(begin, begin + 10)
    stage.run(until=6000)
    assert stage.lines == ["0 hook notice noted shop/Pod/a"]


@pytest.mark.parametrize("text", [FAILED, BOTH], ids=["alone", "beside another"])
def test_what_began_meanwhile_is_told_late(tmp_path: Path, text: str) -> None:
    stage = restarted(tmp_path, text)
    stage.apply(900, pod("b"))
    stage.apply(1005, {**pod("b", "Failed"), "spec": {"nodeName": "n1"}})
    stage.run(until=3000)
    noted = [told for told in stage.told if "noted" in told.rules]
    assert [(str(told).partition(" hook ")[0], told.document["is_late"]) for told in noted] == [
        ("0", False),
        ("1010", True),
    ]


def test_another_object_of_its_name_is_told(tmp_path: Path) -> None:
    stage = restarted(tmp_path)
    stage.delete(1004, "a")
    stage.apply(1005, pod("a", "Failed"))
    stage.run(until=3000)
    assert stage.lines == ["0 hook notice noted shop/Pod/a", "1010 hook notice noted shop/Pod/a"]


def test_what_has_ended_and_begins_again_is_told_again(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, FAILED + HOOK)
    pods.phase(0, "a")
    pods.phase(500, "a", "Running")
    stage.absent(1000, 1010)
    pods.phase(1500, "a")
    stage.absent(2000, 2010)
    pods.phase(2500, "a", "Running")
    stage.absent(3000, 3010)
    pods.phase(3005, "a")
    stage.run(until=4000)
    assert stage.lines == [
        "0 hook notice noted shop/Pod/a",
        "1500 hook notice noted shop/Pod/a",
        "3010 hook notice noted shop/Pod/a",
    ]


def test_of_another_template_only_marks_are_told(tmp_path: Path) -> None:
    rule = (
        "{name: template, on: resource, match: {kind: Deployment, changed: spec.template}, mode: notice, key: [name]}"
    )
    stage = play(tmp_path, f"packs: []\nrules:\n  - {rule}\n{HOOK}")[0]
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    for at, replicas, image in ((-20, 2, "web:1"), (10, 3, "web:1"), (20, 3, "web:2")):
        template = {"spec": {"containers": [{"name": "main", "image": image}]}}
        stage.apply(at, {**web, "spec": {"replicas": replicas, "template": template}})
    stage.run(until=600)
    assert stage.lines == ["20 hook notice template shop/Deployment/web"]
    assert stage.told[0].document["alerts"][0]["message"] == "spec.template: [redacted 2d1615ea] → [redacted a752a373]"


@pytest.mark.parametrize(
    "match",
    [
        "not: {change: deleted}, fields: {status.phase: Failed}",
        "any: [{change: deleted}, {fields: {status.phase: Failed}}]",
        "any: [{changed: spec.nodeName}, {fields: {status.phase: Failed}}]",
    ],
)
def test_a_state_beside_a_moment_is_told_once_too(tmp_path: Path, match: str) -> None:
    rule = f"{{name: n, on: resource, match: {{kind: Pod, {match}}}, mode: notice, key: [name], dedup_window: 1s}}"
    stage, pods = play(tmp_path, f"packs: []\nrules: [{rule}]\n{HOOK}")
    pods.phase(-100, "early")
    pods.phase(0, "a")
    stage.absent(300, 400)
    pods.phase(350, "b")
    for away in (500, 700):
        stage.absent(away, away + 100)
    stage.run(until=900)
    assert stage.lines == ["0 hook notice n shop/Pod/a", "400 hook notice n shop/Pod/b"]
