"""Another `self_service` while kwatch runs: what annotations may do is taken over at once (P12)."""

from pathlib import Path

from tests.scenarios.owners import allowing, ignored, play, severities
from tests.scenarios.plays import BROKEN, HOOK


def test_annotations_count_from_when_they_are_allowed(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, BROKEN + HOOK)
    owners.namespace(10, mute_until=stage.second(300), severity="critical")
    stage.reload(100, allowing("severities: [critical]"))
    pods.phase(150, "a")
    stage.run(until=600)
    assert stage.lines == ["300 hook firing broken shop/Pod/a"]
    assert severities(stage) == [["critical"]]


def test_a_mute_ends_when_it_is_not_allowed_any_more(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(500))
    pods.phase(20, "a")
    stage.reload(100, allowing("longest_mute: 5m"))
    stage.run(until=600)
    assert stage.lines == ["100 hook firing broken shop/Pod/a"]
    assert ignored(stage, "too_long") == 0


def test_without_self_service_everything_is_as_the_rules_say(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing("severities: [critical]"))
    owners.namespace(10, severity="critical")
    pods.phase(20, "a")
    owners.namespace(30, "other", mute_until=stage.second(500))
    pods.phase(40, "b", ns="other")
    stage.reload(100, BROKEN + HOOK)
    stage.run(until=400)
    assert stage.lines == [
        "20 hook firing broken shop/Pod/a",
        "100 hook firing broken other/Pod/b",
        "140 hook update broken shop/Pod/a",
    ]
    assert severities(stage) == [["critical"], ["warning"], ["warning"]]


def test_who_opted_out_leaves_when_that_is_allowed_and_is_back_when_not(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, allowing(""))
    owners.namespace(10, watch="false")
    pods.phase(20, "a")
    stage.reload(100, allowing("watch: opt-out"))
    stage.reload(1000, allowing(""))
    stage.run(until=1600)
    assert [(told.at, told.kind) for told in stage.told] == [(20, "firing"), (100, "expired"), (1000, "summary")]


def test_opting_in_ends_what_did_not_ask_and_nothing_else(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, BROKEN + HOOK)
    owners.namespace(10, watch="true")
    pods.phase(20, "a")
    pods.phase(30, "b", ns="other")
    stage.reload(100, allowing("watch: opt-in"))
    stage.run(until=600)
    assert stage.lines == [
        "20 hook firing broken shop/Pod/a",
        "30 hook firing broken other/Pod/b",
        "100 hook expired broken other/Pod/b",
    ]


def test_a_start_with_another_configuration_does_the_same(tmp_path: Path) -> None:
    stage, pods, owners = play(tmp_path, BROKEN + HOOK)
    owners.namespace(10, watch="true")
    pods.phase(20, "a")
    pods.phase(30, "b", ns="other")
    stage.absent(100, 200, allowing("watch: opt-in"))
    stage.run(until=600)
    assert stage.lines == [
        "20 hook firing broken shop/Pod/a",
        "30 hook firing broken other/Pod/b",
        "201 hook expired broken other/Pod/b",
    ]
