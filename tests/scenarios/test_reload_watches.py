"""What another configuration means for what is watched."""

from pathlib import Path

from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play
from tests.scenarios.reloads import BROKEN, EVICTED, FULL, ONE, rules


def test_what_a_new_rule_finds_is_one_summary(tmp_path: Path) -> None:
    """It was there before anybody asked: as at a first start. What begins later is news."""
    stage, pods = play(tmp_path, rules(FULL) + HOOK)
    for name in ("a", "b"):
        pods.phase(0, name)
    stage.reload(100, rules(FULL, BROKEN % "") + HOOK)
    pods.phase(200, "a", "Running")
    pods.phase(300, "c")
    stage.run(until=600)
    assert stage.lines == [
        "100 hook summary broken shop/Pod/b, broken shop/Pod/a",
        "220 hook update broken shop/Pod/b, broken shop/Pod/a resolved",
        "340 hook update broken shop/Pod/b, broken shop/Pod/c",
    ]


def test_a_new_rule_that_asks_for_fields_that_were_not_kept(tmp_path: Path) -> None:
    """The kind is listed anew; what it says of the rules that were there is known."""
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    pods.phase(0, "b", "Running", reason="Evicted")
    stage.reload(100, rules(BROKEN % "", EVICTED) + HOOK)
    pods.phase(200, "b", "Running", reason="")
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook summary evicted shop/Pod/b",
        "200 hook update broken shop/Pod/a, evicted shop/Pod/b resolved",
    ]
    assert stage.counted("watch_lists", source="v1/pods") == 2
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 1


def test_nothing_is_lost_while_a_kind_is_listed_anew(tmp_path: Path) -> None:
    """What changed, came and went in that time is told as if the watch had seen it, by rules of changes too."""
    moments = (
        '{name: moved, on: resource, match: {kind: Pod, changed: ["status.phase"]}, mode: notice}',
        "{name: gone, on: resource, match: {kind: Pod, change: deleted}, mode: notice}",
        "{name: made, on: resource, match: {kind: Pod, change: created}, mode: notice}",
    )
    stage, pods = play(tmp_path, rules(*moments) + HOOK)
    for name in ("a", "b", "c"):
        pods.phase(-30, name, "Running")
    delay = Fault(effect=Effect.DELAY, path="*/pods", seconds=10)
    stage.at(99, lambda: stage.cluster.faults.add(delay))
    stage.reload(100, rules(*moments, EVICTED) + HOOK)
    pods.phase(105, "a", "Succeeded")
    pods.gone(105, "b")
    pods.phase(105, "d", "Running")
    stage.at(130, stage.cluster.faults.clear)
    stage.run(until=600)
    assert stage.lines == ["110 hook notice moved shop/Pod/a", "110 hook notice gone shop/Pod/b, made shop/Pod/d"]


def test_a_new_kind_is_watched_and_one_that_nobody_wants_is_not(tmp_path: Path) -> None:
    one = BROKEN % ", planned: tell"  # which asks for no other kinds
    stage, pods = play(tmp_path, rules(one) + HOOK)
    pods.phase(0, "a")
    stage.node(0, ready=False)
    not_ready = '{kind: Node, condition: {Ready: "False"}}'
    down = f"{{name: down, on: resource, match: {not_ready}, resolve_hold: 0s, planned: tell}}"
    stage.reload(100, rules(one, down) + HOOK)
    stage.node(200, ready=True)
    stage.reload(300, rules(one) + HOOK)
    stage.node(400, ready=False)
    seen = sources(stage, 50, 150, 350)
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook summary down Node/node-1",
        "200 hook resolved down Node/node-1",
    ]
    kept = {"discovery", "v1/pods", "apps/v1/replicasets", "batch/v1/jobs", "events.k8s.io/v1/events"}
    assert seen == {50: kept, 150: kept | {"v1/nodes"}, 350: kept}


def sources(stage: Stage, *instants: float) -> dict[float, set[str]]:
    seen: dict[float, set[str]] = {}

    def look() -> None:
        assert stage.app is not None
        seen[stage.now()] = {status.source_id for status in stage.app.fleet.statuses()}

    for instant in instants:
        stage.at(instant, look)
    return seen


def test_a_namespace_that_is_excluded_is_no_longer_observed(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    pods.phase(0, "b", ns="bank")
    stage.reload(100, ONE + HOOK + "watch: {namespaces: {exclude: [bank]}}\n")
    pods.phase(200, "b", "Running", ns="bank")
    stage.reload(300, ONE + HOOK)
    pods.phase(400, "b", ns="bank")
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "0 hook firing broken bank/Pod/b",
        "100 hook expired broken bank/Pod/b",
        "400 hook firing broken bank/Pod/b",
    ]


def test_a_namespace_by_name_takes_the_place_of_the_watch_over_all(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, ONE + HOOK + "watch: {namespaces: {include: [shop]}}\n")
    pods.phase(200, "b", ns="bank")
    pods.phase(300, "a", "Running")
    seen = sources(stage, 150)
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "300 hook resolved broken shop/Pod/a"]
    assert "v1/pods@shop" in seen[150]
    assert "v1/pods" not in seen[150]
