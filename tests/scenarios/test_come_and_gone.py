"""What comes and goes while kwatch is away: told once, as late, by the rules that ask for it."""

from pathlib import Path
from typing import Any

import pytest

from kwatch.testing import manifests
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, play, pod

CAME = "  - {name: came, on: resource, match: {kind: Pod, change: created}, mode: notice, key: [namespace, name]}\n"
WENT = (
    "  - {name: went, on: resource, match: {kind: Pod, change: deleted, labels: {app: web}}, mode: notice,"
    " key: [namespace, name]}\n"
)
RULES = f"packs: []\nrules:\n{CAME}{WENT}"


def labelled(name: str, app: str = "web") -> dict[str, object]:
    made = pod(name, "Running")
    return {**made, "metadata": {**made["metadata"], "labels": {"app": app}}}


def staged(folder: Path) -> Stage:
    """Return a play with three Pods that were there, one that comes at 0; kwatch is away from 100 to 400."""
    stage, _ = play(folder, RULES + HOOK)
    for name in ("there", "stays"):
        stage.apply(-100, labelled(name))
    stage.apply(-100, labelled("other", app="db"))
    stage.apply(0, labelled("early"))
    stage.absent(100, 400)
    return stage


#: Namespaces that are chosen by a label, and a last rule that is about them: they are watched with their status.
CHOSEN = "watch: {namespaces: {selector: team=web}}\npacks: []\nrules:\n"
ENDING = "  - {name: ending, on: resource, match: {kind: Namespace, fields: {status.phase: Terminating}}}\n"
FAILED = """
  - {name: failed, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, mode: notice, key: [name],
     dedup_window: 1s}
"""
MOVED = "  - {name: moved, on: resource, match: {kind: Pod, changed: spec.nodeName}, mode: notice, key: [name]}\n"


def told_of(stage: Stage) -> list[tuple[str, bool, str]]:
    texts = [(told.document["is_late"], told.document["starts_at"]) for told in stage.told]
    return [(line, *text) for line, text in zip(stage.lines, texts, strict=True)]


EARLY = ("0 hook notice came shop/Pod/early", False, "2026-01-01T12:00:00+00:00")


@pytest.mark.parametrize("is_compacted", [False, True])
def test_what_comes_is_told_with_its_true_time(tmp_path: Path, is_compacted: bool) -> None:
    stage = staged(tmp_path)
    stage.apply(200, labelled("new"))
    if is_compacted:
        stage.at(250, stage.cluster.compact)
    stage.absent(700, 800)
    stage.run(until=1500)
    assert told_of(stage) == [EARLY, ("400 hook notice came shop/Pod/new", True, "2026-01-01T12:03:20+00:00")]


def test_what_goes_is_told_once(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    stage.delete(200, "there")
    stage.delete(200, "other")
    stage.absent(700, 800)
    stage.run(until=1500)
    assert [(line, is_late) for line, is_late, _ in told_of(stage)] == [
        EARLY[:2],
        ("400 hook notice went shop/Pod/there", True),
    ]


def owned(kind: str, name: str, by: str) -> dict[str, Any]:
    """Return an object of the namespace that is owned by `Kind/name`, if by anybody."""
    owner, _, its_name = by.partition("/")
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": its_name, "controller": True}] if by else []
    metadata = {"name": name, "namespace": "shop", "ownerReferences": owners}
    return {"apiVersion": "v1" if kind == "Pod" else "apps/v1", "kind": kind, "metadata": metadata}


@pytest.mark.parametrize("more_goes", [0, 1, 2], ids=["alone", "with its owner", "with its workload"])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_what_goes_is_told_with_its_workload(tmp_path: Path, is_replaced: bool, more_goes: int) -> None:
    match = 'kind: Pod, change: deleted, workload: "Deployment/*"'
    stage, _ = play(
        tmp_path, f"packs: []\nrules: [{{name: went, on: resource, match: {{{match}}}, mode: notice}}]\n{HOOK}"
    )
    web = (owned("Deployment", "web", ""), owned("ReplicaSet", "web-1", "Deployment/web"))
    for each in (*web, owned("Pod", "a", "ReplicaSet/web-1")):
        stage.apply(-100, each)
    stage.absent(100, 400)
    stage.delete(200, "a")
    for each in web[len(web) - more_goes :]:
        stage.at(200, lambda each=each: stage.cluster.delete(each))  # type: ignore[misc]
    if is_replaced:
        stage.apply(300, owned("Pod", "a", ""))
    stage.run(until=900)
    assert stage.lines == ["400 hook notice went shop/Deployment/web"]


def test_what_goes_and_comes_again_is_told_as_both(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    stage.delete(200, "there")
    stage.apply(300, labelled("there"))
    stage.run(until=1500)
    assert stage.lines == [
        "0 hook notice came shop/Pod/early",
        "400 hook notice went shop/Pod/there, came shop/Pod/there",
    ]


def test_what_came_just_before_and_was_not_read_is_told(tmp_path: Path) -> None:
    """Its frame is on the wire, behind others of that second."""
    stage = staged(tmp_path)
    stage.apply(98.9, labelled("there", app="seen"))
    stage.at(98.95, lambda: stage.cluster.strike(Fault(effect=Effect.DELAY, path="*/pods", seconds=30)))
    stage.apply(99, labelled("new"))
    stage.run(until=600)
    assert told_of(stage) == [EARLY, ("400 hook notice came shop/Pod/new", True, "2026-01-01T12:01:39+00:00")]


def test_at_the_first_start_nothing_has_come(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, RULES + HOOK)
    stage.apply(-30, labelled("there"))
    stage.run(until=600)
    assert stage.lines == []


def test_by_a_rule_that_is_new_nothing_has_gone(tmp_path: Path) -> None:
    stage, _ = play(tmp_path, f"packs: []\nrules:\n{CAME}{HOOK}")
    stage.apply(-100, labelled("there"))
    stage.absent(100, 400, RULES + HOOK)
    stage.delete(500, "there")
    stage.run(until=1500)
    assert stage.lines == ["500 hook notice went shop/Pod/there"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (FAILED, ["0 hook notice failed shop/Pod/bad"]),
        (CAME, ["0 hook notice came shop/Pod/bad", "400 hook notice came shop/Pod/new"]),
        (WENT, ["400 hook notice went shop/Pod/there"]),
        (MOVED, ["400 hook notice moved shop/Pod/stays"]),
    ],
    ids=["failed", "came", "went", "moved"],
)
def test_a_restart_knows_which_namespaces_are_watched_before_it_judges_what_is_in_them(
    tmp_path: Path, rule: str, told: list[str]
) -> None:
    stage, pods = play(tmp_path, CHOSEN + rule + ENDING + HOOK)
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}}
    stage.apply(-200, shop)
    for name in ("there", "stays"):
        stage.apply(-100, labelled(name))
    pods.phase(0, "bad")
    stage.absent(100, 400)
    stage.delete(200, "there")
    stage.apply(200, labelled("new"))
    stage.apply(200, {**labelled("stays"), "spec": {"nodeName": "n1"}})
    stage.absent(700, 800)
    stage.run(until=1500)
    assert stage.lines == told


def test_a_restart_knows_them_before_kinds_of_which_nothing_but_metadata_is_watched(tmp_path: Path) -> None:
    rule = "  - {name: came, on: resource, match: {kind: ConfigMap, change: created}, mode: notice, key: [name]}\n"
    stage, _ = play(tmp_path, CHOSEN + rule + HOOK)
    stage.apply(
        -200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}}
    )
    stage.absent(100, 400)
    stage.apply(200, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "shop"}})
    stage.run(until=600)
    assert stage.lines == ["400 hook notice came shop/ConfigMap/new"]


#: A rule about another kind, so that Pods are not watched at all.
NODES = '  - {name: not-ready, on: resource, match: {kind: Node, condition: {Ready: "False"}}}\n'


@pytest.mark.parametrize("is_watched", [False, True], ids=["of another kind", "of its kind"])
@pytest.mark.parametrize("is_reloaded", [False, True], ids=["restarted", "reloaded"])
@pytest.mark.parametrize("is_back_by_reload", [False, True], ids=["back by a restart", "back by a reload"])
def test_by_a_rule_that_is_back_nothing_has_happened_without_it(
    tmp_path: Path, is_watched: bool, is_reloaded: bool, is_back_by_reload: bool
) -> None:
    without = (BROKEN if is_watched else f"packs: []\nrules:\n{NODES}") + HOOK
    stage = play(tmp_path, RULES + MOVED + HOOK)[0]
    for name in ("there", "stays"):
        stage.apply(-100, labelled(name))
    if is_reloaded:
        stage.reload(100, without)
    else:
        stage.absent(100, 110, without)
    stage.delete(200, "there")
    stage.apply(200, labelled("new"))
    stage.apply(200, {**labelled("stays"), "spec": {"nodeName": "n1"}})
    if is_back_by_reload:
        stage.reload(300, RULES + MOVED + HOOK)
    else:
        stage.absent(300, 310, RULES + MOVED + HOOK)
    stage.absent(500, 600)
    stage.delete(550, "stays")
    stage.run(until=900)
    assert stage.lines == ["600 hook notice went shop/Pod/stays"]


def test_what_happened_while_a_rule_was_new_is_not_told_by_it(tmp_path: Path) -> None:
    """Another rule had the same remembered."""
    also = "  - {name: also, on: resource, match: {kind: Pod, change: deleted}, mode: notice, key: [name]}\n"
    again = MOVED.replace("moved", "again")
    stage, _ = play(tmp_path, f"packs: []\nrules:\n{WENT}{MOVED}{HOOK}")
    for name in ("there", "stays"):
        stage.apply(-100, labelled(name))
    stage.absent(100, 400, f"packs: []\nrules:\n{WENT}{MOVED}{also}{again}{HOOK}")
    stage.delete(200, "there")
    stage.apply(200, {**labelled("stays"), "spec": {"nodeName": "n1"}})
    stage.delete(500, "stays")
    stage.run(until=900)
    assert stage.lines == [
        "400 hook notice moved shop/Pod/stays, went shop/Pod/there",
        "500 hook notice went shop/Pod/stays, also shop/Pod/stays",
    ]


def test_where_namespaces_are_heard_last_what_is_in_them_is_known_all_the_same(tmp_path: Path) -> None:
    """A wave waits for half a minute."""
    stage, pods = play(tmp_path, CHOSEN + FAILED + MOVED + HOOK)
    stage.apply(
        -200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}}
    )
    stage.apply(-100, labelled("stays"))
    pods.phase(0, "bad")
    stage.absent(100, 400)
    late = Fault(effect=Effect.DELAY, path="*/namespaces", seconds=40, times=1)
    stage.at(200, lambda: stage.cluster.faults.add(late))
    stage.apply(200, {**labelled("stays"), "spec": {"nodeName": "n1"}})
    stage.run(until=900)
    assert stage.lines == ["0 hook notice failed shop/Pod/bad", "440 hook notice moved shop/Pod/stays"]


@pytest.mark.parametrize("absences", [[(300, 400)], [(100, 200), (300, 400)]], ids=["since before", "since an absence"])
def test_what_came_while_its_kind_was_refused_is_told_when_it_is_let_in(
    tmp_path: Path, absences: list[tuple[float, float]]
) -> None:
    """What is watched beside it says nothing of it."""
    failed = "  - {name: failed, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}\n"
    stage, pods = play(tmp_path, f"{RULES}{failed}{HOOK}")
    stage.apply(-100, labelled("there"))
    for begin, end in absences:
        stage.absent(begin, end)
    for verb in ("list", "watch"):
        stage.at(120, lambda verb=verb: stage.cluster.access.forbid(verb, "pods"))  # type: ignore[misc]
        stage.at(500, lambda verb=verb: stage.cluster.access.allow(verb, "pods"))  # type: ignore[misc]
    stage.at(120, lambda: stage.cluster.strike(Fault(effect=Effect.DROP, path="*/pods")))
    stage.apply(150, labelled("new"))
    turned = [manifests.condition("Ready", holds=False, since=stage.second(160))]
    pods.phase(160, "there", conditions=turned)
    stage.run(until=900)
    assert sorted(each for each in timeless(stage) if "meta" not in each[0]) == [
        ("hook firing failed shop/Pod/there", True, "2026-01-01T12:02:40+00:00"),
        ("hook notice came shop/Pod/new", True, "2026-01-01T12:02:30+00:00"),
    ]


def timeless(stage: Stage) -> list[tuple[str, bool, str]]:
    """Return what was told without when, where a watch was let in between two of its tries."""
    return [(line.partition(" ")[2], is_late, starts_at) for line, is_late, starts_at in told_of(stage)]
