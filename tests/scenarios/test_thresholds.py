"""S-26, S-41, S-42, T51, D1, D3, D5 and `per`: windows, different values, rates per any labels, renamed rules."""

from pathlib import Path

import httpx

from kwatch.testing.stage import Stage
from tests.scenarios.writing import BACK_OFF, often, text


def pods_of_a_workload(rate: str, *, more: str = "") -> str:
    return text(
        f"{{name: many, on: event, match: {{reason: BackOff, kind: Pod}}, on_delete: keep, quiet: 12h, rate: {rate}}}",
        more=more,
    )


THREE_PODS = pods_of_a_workload("{count: 3, within: 10m, per: [namespace], distinct: pod}")


def test_S26_the_third_pod_fires_however_often_the_others_were_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, THREE_PODS)
    for at, pod in ((0, "p1"), (10, "p1"), (20, "p2"), (30, "p3")):
        stage.pod(-31, pod)
        stage.event(at, name=f"{pod}.{at}", about=f"Pod/shop/{pod}")
    stage.run(until=3600)
    assert stage.lines == ["30 hook firing many shop/Pod/p3 ×4"]
    assert stage.told[0].document["alerts"][0]["members"] == ["p1", "p2", "p3"]


def test_S26_a_count_that_rises_is_still_one_pod(tmp_path: Path) -> None:
    stage = Stage(tmp_path, THREE_PODS)
    stage.event(0, name="a", about="Pod/shop/p1")
    stage.event(60, 50, name="a", about="Pod/shop/p1")
    stage.event(70, name="b", about="Pod/shop/p2")
    stage.run(until=3600)
    assert stage.lines == []
    assert stage.counted("decisions", outcome="below_threshold") == 3


def test_S26_a_pod_counts_while_its_newest_occurrence_is_in_the_window(tmp_path: Path) -> None:
    stage = Stage(tmp_path, THREE_PODS)
    stage.event(0, name="a", about="Pod/shop/p1")
    stage.event(10, name="b", about="Pod/shop/p2")
    stage.event(500, 2, name="b", about="Pod/shop/p2")
    stage.event(600, name="c", about="Pod/shop/p3")  # p1 has just left
    stage.event(601, 2, name="a", about="Pod/shop/p1")
    stage.run(until=3600)
    assert stage.lines == ["601 hook firing many shop/Pod/p1 ×4"]


def test_S26_pods_of_the_same_name_in_two_namespaces_are_two(tmp_path: Path) -> None:
    stage = Stage(tmp_path, pods_of_a_workload("{count: 2, within: 10m, per: [rule], distinct: name}"))
    stage.event(0, name="a", about="Pod/shop/web-0")
    stage.event(10, name="b", about="Pod/bank/web-0")
    stage.run(until=3600)
    assert stage.lines == ["10 hook firing many bank/Pod/web-0 ×2"]


def test_S26_nodes_of_pods_are_told_apart_and_a_pod_without_one_is_none(tmp_path: Path) -> None:
    stage = Stage(tmp_path, pods_of_a_workload("{count: 2, within: 10m, per: [namespace], distinct: node}"))
    for pod, node in (("p1", "n1"), ("p2", "n1"), ("p3", ""), ("p4", "n2")):
        stage.pod(-31, pod, node=node)
    for at, pod in ((0, "p1"), (10, "p2"), (20, "p3"), (30, "p4")):
        stage.event(at, name=pod, about=f"Pod/shop/{pod}")
    stage.run(until=3600)
    assert stage.lines == ["30 hook firing many shop/Pod/p4 ×4"]


def test_S26_a_notice_counts_different_values_too(tmp_path: Path) -> None:
    rule = (
        "{name: many, on: event, match: {reason: BackOff}, mode: notice, dedup_window: 1h, "
        "rate: {count: 2, within: 10m, per: [namespace], distinct: pod}}"
    )
    stage = Stage(tmp_path, text(rule))
    for at, pod in ((0, "p1"), (10, "p1"), (20, "p2")):
        stage.event(at, name=f"{pod}.{at}", about=f"Pod/shop/{pod}")
    stage.run(until=3000)
    assert stage.lines == ["20 hook notice many shop/Pod/p2"]


def test_S26_the_values_survive_a_restart(tmp_path: Path) -> None:
    stage = Stage(tmp_path, THREE_PODS)
    for at, pod in ((0, "p1"), (10, "p2"), (300, "p3")):
        stage.event(at, name=pod, about=f"Pod/shop/{pod}")
    stage.absent(100, 200)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing many shop/Pod/p3 ×3"]


def test_a_rate_per_a_label_of_the_object(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path, pods_of_a_workload("{count: 2, within: 60s, per: [team]}", more="watch: {labels: [team, tier]}")
    )
    for pod, team in (("p1", "red"), ("p2", "blue"), ("p3", "red")):
        stage.pod(-31, pod, labels={"team": team})
    for at, pod in ((0, "p1"), (10, "p2"), (20, "p3")):
        stage.event(at, name=pod, about=f"Pod/shop/{pod}")
    stage.run(until=3600)
    assert stage.lines == ["20 hook firing many shop/Pod/p3 ×2"]
    assert stage.told[0].document["alerts"][0]["labels"]["team"] == "red"


def test_a_rate_per_node_and_a_label_of_the_rule(tmp_path: Path) -> None:
    rule = (
        "{name: many, on: event, match: {reason: BackOff, kind: Pod}, labels: {area: runtime}, quiet: 12h, "
        "rate: {count: 2, within: 60s, per: [area, node]}}"
    )
    stage = Stage(tmp_path, text(rule))
    for pod, node in (("p1", "n1"), ("p2", "n2"), ("p3", "n2")):
        stage.pod(-31, pod, node=node)
    for at, pod in ((0, "p1"), (10, "p2"), (20, "p3")):
        stage.event(at, name=pod, about=f"Pod/shop/{pod}")
    stage.run(until=3600)
    assert stage.lines == ["20 hook firing many shop/Pod/p3 ×2"]


def test_D1_a_count_that_rose_behind_the_throttle_counts_whole(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(50, 62, within="10m"))
    for number in range(1, 26):
        stage.event(number, number)
    stage.event(300, 61)
    stage.run(until=3600)
    assert stage.lines == ["300 hook firing often-50 shop/Pod/web-1 ×61"]


def test_D3_a_series_that_is_told_each_half_hour_is_spread_over_it(tmp_path: Path) -> None:
    rule = (
        "{name: %s, on: event, match: {reason: BackOff}, quiet: 12h, "
        "rate: {count: %s, within: %s, per: [namespace, workload]}}"
    )
    stage = Stage(
        tmp_path,
        text(rule % ("burst", 50, "5m"), rule % ("steady", 100, "30m"), route="group_by: [rule], group_wait: 0s"),
    )
    stage.new_event(0)
    stage.new_event(10, 2)
    stage.new_event(1810, 182)
    stage.run(until=5000)
    assert stage.lines == ["1810 hook firing steady shop/Pod/web-1 ×180"]


def test_D5_another_object_for_the_same_problem_is_the_same_alert(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(43, 44))
    stage.event(0)
    stage.event(30, 41)
    stage.delete(40, "web-1.a", kind="Event")
    stage.event(50, 1, name="web-1.b")
    stage.event(59, 2, name="web-1.b")
    stage.run(until=3600)
    assert stage.lines == ["59 hook firing often-43 shop/Pod/web-1 ×43"]


def test_T51_what_could_not_be_sent_takes_nothing_from_what_comes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, often(2))
    stage.answer = lambda _: httpx.Response(503 if stage.now() < 30 else 200)
    stage.event(0)
    stage.event(10, 2)
    stage.run(until=3600)
    assert stage.lines == ["48.72 hook firing often-2 shop/Pod/web-1 ×2"]  # at the first attempt after 30


def test_S41_a_rule_that_is_removed_closes_what_it_had_open(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF))
    stage.event(0)
    stage.absent(100, 200, text("{name: other, on: event, match: {reason: Other}}"))
    stage.run(until=3600)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1", "200 hook expired back-off shop/Pod/web-1"]
    first, last = (told.document for told in stage.told)
    assert first["incident"] == last["incident"]
    assert "the rule was removed" in last["text"]


RENAMED = BACK_OFF.replace("back-off", "crashing")


def test_S42_a_rule_that_is_renamed_is_another(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF))
    stage.event(0)
    stage.absent(100, 200, text(RENAMED))
    stage.event(300, 2)
    stage.run(until=800)
    assert stage.lines == [
        "0 hook firing back-off shop/Pod/web-1",
        "200 hook expired back-off shop/Pod/web-1",
        "300 hook firing crashing shop/Pod/web-1",
    ]


def test_S42_with_an_id_it_stays_the_same(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BACK_OFF))
    stage.event(0)
    stage.absent(100, 200, text(RENAMED.replace("on: event", "id: back-off, on: event")))
    stage.event(300, 2)
    stage.run(until=800)
    assert stage.lines == ["0 hook firing back-off shop/Pod/web-1"]
