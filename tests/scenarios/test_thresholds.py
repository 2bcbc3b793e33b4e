"""S-26 and `per`: different values in a window, and rates per any set of labels."""

from pathlib import Path

from kwatch.testing.stage import Stage
from tests.scenarios.writing import text


def pods_of_a_workload(rate: str, *, more: str = "") -> str:
    return text(f"{{name: many, on: event, match: {{reason: BackOff, kind: Pod}}, rate: {rate}}}", more=more)


THREE_PODS = pods_of_a_workload("{count: 3, within: 10m, per: [namespace], distinct: pod}")


def test_S26_the_third_pod_fires_however_often_the_others_were_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, THREE_PODS)
    for at, pod in ((0, "p1"), (10, "p1"), (20, "p2"), (30, "p3")):
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
        "{name: many, on: event, match: {reason: BackOff, kind: Pod}, labels: {area: runtime}, "
        "rate: {count: 2, within: 60s, per: [area, node]}}"
    )
    stage = Stage(tmp_path, text(rule))
    for pod, node in (("p1", "n1"), ("p2", "n2"), ("p3", "n2")):
        stage.pod(-31, pod, node=node)
    for at, pod in ((0, "p1"), (10, "p2"), (20, "p3")):
        stage.event(at, name=pod, about=f"Pod/shop/{pod}")
    stage.run(until=3600)
    assert stage.lines == ["20 hook firing many shop/Pod/p3 ×2"]
