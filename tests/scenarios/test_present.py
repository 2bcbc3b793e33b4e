"""What is wrong already when somebody begins to look for it: told in one summary; a notice says nothing of it."""

from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, play, workloads

OTHER = """
packs: []
rules:
  - {name: other, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, resolve_hold: 0s}
"""
NOT_READY = OTHER + (
    '  - {name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, key: [namespace, name],'
    " resolve_hold: 0s}\n"
)
NODE = OTHER + '  - {name: node, on: resource, match: {kind: Node, condition: {Ready: "False"}}}\n'
NOTED = OTHER + "  - {name: noted, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, mode: notice}\n"


def told_of(stage: Stage) -> list[tuple[str, bool, str]]:
    texts = [(told.document["is_late"], told.document["starts_at"]) for told in stage.told]
    return [(line, *text) for line, text in zip(stage.lines, texts, strict=True)]


@pytest.mark.parametrize("is_killed", [True, False])
def test_by_a_rule_that_is_new_by_a_restart(tmp_path: Path, is_killed: bool) -> None:
    stage, _ = play(tmp_path, OTHER + HOOK)
    stage.pod(0, "a", ready=False)
    stage.pod(200, "b", ready=False)
    stage.absent(1000, 1010, NOT_READY + HOOK, is_killed=is_killed)
    for name in ("a", "b"):
        stage.pod(1100, name, ready=True)
    stage.pod(1300, "c", ready=False)
    stage.run(until=1400)
    assert told_of(stage) == [
        ("1011 hook summary not-ready shop/Pod/a, not-ready shop/Pod/b", False, "2026-01-01T12:00:00+00:00"),
        ("1100 hook resolved not-ready shop/Pod/a, not-ready shop/Pod/b", False, "2026-01-01T12:00:00+00:00"),
        ("1300 hook firing not-ready shop/Pod/c", False, "2026-01-01T12:21:40+00:00"),
    ]


def test_by_a_rule_about_a_kind_that_was_not_judged_before(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, OTHER + HOOK)
    stage.node(0, "n1", ready=False)
    stage.absent(1000, 1010, NODE + HOOK)
    stage.run(until=1300)
    assert told_of(stage) == [("1011 hook summary node Node/n1", False, "2026-01-01T12:00:00+00:00")]


def test_the_restart_after_it_finds_a_rule_that_is_known(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, OTHER + HOOK)
    stage.absent(100, 110, NOT_READY + HOOK)
    stage.absent(200, 300)
    stage.pod(250, "a", ready=False)
    stage.run(until=400)
    assert told_of(stage) == [("300 hook firing not-ready shop/Pod/a", True, "2026-01-01T12:04:10+00:00")]


def test_by_a_new_rule_beside_one_that_knows_more_of_what_came(tmp_path: Path) -> None:
    came = "  - {name: came, on: resource, match: {kind: Pod, change: created, name: x}, mode: notice}\n"
    stage, _ = play(tmp_path, OTHER + came + HOOK)
    stage.pod(0, "a", ready=False)
    stage.absent(100, 400, NOT_READY + came + HOOK)
    stage.pod(200, "b", ready=False)
    stage.run(until=900)
    assert told_of(stage) == [
        ("401 hook summary not-ready shop/Pod/a, not-ready shop/Pod/b", False, "2026-01-01T12:00:00+00:00")
    ]


@pytest.mark.parametrize("words", [", severity: critical", ", annotations: {runbook: https://x.example/}"])
def test_a_rule_with_other_texts_is_known(tmp_path: Path, words: str) -> None:
    other = NOT_READY.replace(", resolve_hold: 0s}\n", words + "}\n")
    stage, _ = play(tmp_path, NOT_READY + HOOK)
    stage.absent(100, 300, other + HOOK)
    stage.pod(250, "a", ready=False)
    stage.run(until=400)
    assert told_of(stage) == [("300 hook firing not-ready shop/Pod/a", True, "2026-01-01T12:04:10+00:00")]


def test_a_notice_that_is_new_by_a_restart_says_nothing_of_what_was_there(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, OTHER + HOOK)
    pods.phase(0, "a")
    stage.absent(1000, 1010, NOTED + HOOK)
    pods.phase(1100, "b")
    stage.run(until=1300)
    assert told_of(stage) == [("1100 hook notice noted shop/Pod/b", False, "2026-01-01T12:18:20+00:00")]


@pytest.mark.parametrize(("reloaded_at", "told_at"), [(None, 30), (100, 160)], ids=["first start", "reload"])
def test_what_does_not_say_since_when_is_told_in_one_summary_once_it_has_lasted(
    tmp_path: Path, reloaded_at: float | None, told_at: float
) -> None:
    lasting = OTHER.replace("Unknown}}", "Failed}}, for: 1m")
    stage, pods = play(tmp_path, (lasting if reloaded_at is None else OTHER) + HOOK)
    for number in range(3):
        pods.phase(-1000, f"p{number}", ns=f"team-{number}")
    if reloaded_at is not None:
        stage.reload(reloaded_at, lasting + HOOK)
    pods.phase(130, "new", ns="team-3")
    stage.run(until=400)
    assert [(told.at, told.kind, sorted(workloads(told))) for told in stage.told] == [
        (told_at, "summary", ["p0", "p1", "p2"]),
        (190, "firing", ["new"]),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("include: [other]", "include: [other, shop]"),
        ('include: ["o*"]', 'include: ["*"]'),
        ('include: ["*"], exclude: ["s*"]', 'include: ["*"]'),
    ],
)
def test_in_a_namespace_that_is_included_by_a_restart(tmp_path: Path, before: str, after: str) -> None:
    rules = (
        BROKEN
        + "  - {name: came, on: resource, match: {kind: Pod, change: created}, mode: notice, key: [name]}\n"
        + NOTED.removeprefix(OTHER)
        + HOOK
    )
    stage, pods = play(tmp_path, f"watch: {{namespaces: {{{before}}}}}\n{rules}")
    stage.cluster.ensure_namespace("other")
    pods.phase(100, "a")
    stage.absent(500, 600, f"watch: {{namespaces: {{{after}}}}}\n{rules}")
    pods.phase(550, "b")
    pods.phase(550, "x", ns="other")
    stage.absent(700, 800)
    pods.phase(750, "c")
    stage.run(until=900)
    assert [(line, is_late) for line, is_late, _ in told_of(stage)] == [
        ("600 hook firing broken other/Pod/x", True),
        ("600 hook notice came other/Pod/x, noted other/Pod/x", True),
        ("601 hook summary broken shop/Pod/b, broken shop/Pod/a", False),
        ("800 hook update broken shop/Pod/b, broken shop/Pod/a, broken shop/Pod/c", True),
        ("800 hook notice came shop/Pod/c, noted shop/Pod/c", True),
    ]
