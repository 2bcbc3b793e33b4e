"""When the configuration is read again, and what is said of one that is wrong (F-43)."""

from pathlib import Path

import pytest

from tests.scenarios.plays import HOOK, play
from tests.scenarios.reloads import BROKEN, EVICTED, FULL, ONE, REFUSED, looks, rules


def test_F43_without_the_fault_the_new_configuration_is_used_and_nothing_is_told_of_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules(BROKEN % ", severity: critical") + HOOK)
    seen = looks(stage, 250)
    stage.run(until=300)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "100 hook update broken shop/Pod/a"]
    assert (seen[250]["configuration"]["error"], seen[250]["status"]) == ("", "ready")


def test_F43_a_wrong_configuration_is_told_once_and_the_old_one_stays(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    wrong = ONE.replace("on: resource", "on: resorce") + HOOK
    stage.reload(100, wrong)
    stage.reload(200, wrong)
    pods.phase(300, "a", "Running")
    stage.reload(400, ONE + HOOK)
    seen = looks(stage, 50, 250, 500)
    _, meta, _ = stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        f"100 hook meta {REFUSED}",
        "300 hook resolved broken shop/Pod/a",
    ]
    problem = f"{tmp_path}/kwatch.yaml:3:24: on: must be one of event, resource, did you mean 'resource'?"
    assert meta.document["title"] == "⚙️ KWATCH · the new configuration is wrong, the old one stays in use"
    assert problem in meta.document["text"].splitlines()
    assert stage.counted("config_reload_failures") == 2
    assert [seen[at]["configuration"]["error"] for at in (50, 250, 500)] == ["", problem, ""]
    assert [seen[at]["status"] for at in (50, 250, 500)] == ["ready", "degraded", "ready"]
    assert [seen[at]["configuration"]["loaded_at"] for at in (250, 500)] == [
        "2026-01-01T11:59:30+00:00",
        "2026-01-01T12:06:40+00:00",
    ]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("cluster: other\n", "cluster"),
        ("state: {path: elsewhere}\n", "state.path"),
        ('web: {listen: "127.0.0.1:9999"}\n', "web.listen"),
    ],
)
def test_what_cannot_change_while_kwatch_runs_is_said_by_its_key(tmp_path: Path, more: str, key: str) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    stage.reload(100, rules(EVICTED) + HOOK + more)
    pods.phase(200, "a")
    seen = looks(stage, 150)
    stage.run(until=600)
    assert stage.lines == [f"100 hook meta {REFUSED}", "200 hook firing broken shop/Pod/a"]
    problem = f"{tmp_path}/kwatch.yaml: {key}: cannot change while kwatch runs: restart it"
    assert seen[150]["configuration"]["error"] == problem


def test_a_file_that_is_changed_is_loaded_when_two_looks_agree(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(FULL) + HOOK)
    stage.follows_files = True
    pods.phase(0, "a")
    stage.at(101, lambda: stage.write("packs: ["))
    stage.at(103, lambda: stage.write(ONE + HOOK))
    stage.run(until=600)
    assert stage.lines == ["106 hook summary broken shop/Pod/a"]
    assert stage.counted("config_reload_failures") == 0


def test_a_file_that_is_included_is_looked_at_too(tmp_path: Path) -> None:
    """Also one that is new, and one that a wrong configuration includes."""
    stage, pods = play(tmp_path, "include: [more*.yaml]\n" + rules(FULL) + HOOK)
    (tmp_path / "more-1.yaml").write_text("rules: []\n")
    stage.follows_files = True
    stage.at(100, lambda: stage.write(f"rules: [{BROKEN % ''}]\n", "more-2.yaml"))
    pods.phase(200, "a")
    stage.at(300, lambda: stage.write("rules: [{name: x}]\n", "more-2.yaml"))
    stage.at(400, lambda: stage.write(f"rules: [{BROKEN % ''}]\n", "more-2.yaml"))
    seen = looks(stage, 350, 450)
    stage.run(until=600)
    assert stage.lines == ["200 hook firing broken shop/Pod/a", f"302 hook meta {REFUSED}"]
    assert (seen[350]["configuration"]["ok"], seen[450]["configuration"]["ok"]) == (False, True)


def test_a_secret_that_was_missing_mends_a_configuration(tmp_path: Path) -> None:
    """It is read again each 30 s while it is wrong, and nothing more is told of it."""
    stage, _ = play(tmp_path, ONE + HOOK)
    slack = '  chat: [{type: slack, channel: "#alerts", token: {file: FOLDER/new-token}}]\n'
    text = ONE + "route: {receiver: team, group_wait: 0s, routes: [{match: {name: b}, receiver: chat}]}\n"
    hook = 'receivers:\n  team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]\n'
    stage.reload(100, text + hook + slack)
    stage.at(205, lambda: (tmp_path / "new-token").write_text("xoxb-stage"))
    seen = looks(stage, 204, 240)
    stage.run(until=600)
    assert stage.lines == [f"100 hook meta {REFUSED}"]
    assert stage.counted("config_reload_failures") == 1
    assert (seen[204]["configuration"]["ok"], seen[240]["configuration"]["ok"]) == (False, True)


def test_a_restart_goes_on_with_what_was_loaded_last(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a", reason="Evicted")
    stage.reload(100, rules(BROKEN % "", EVICTED) + HOOK)
    stage.absent(200, 210)
    pods.phase(300, "a", "Running", reason="")
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook summary evicted shop/Pod/a",
        "300 hook resolved broken shop/Pod/a, evicted shop/Pod/a",
    ]


def test_what_is_wrong_with_kwatch_itself_is_told_to_the_root_receiver_by_severity(tmp_path: Path) -> None:
    """It is a warning: a destination that wants the critical alone is not told, nor is a receiver of a child."""
    receivers = """route: {receiver: team, routes: [{match: {severity: critical}, receiver: oncall}]}
receivers:
  team:
    - {type: webhook, name: chat, url: "http://receiver.example/chat"}
    - {type: webhook, name: pager, url: "http://receiver.example/pager", severity: critical}
  oncall: [{type: webhook, name: phone, url: "http://receiver.example/phone"}]
"""
    stage, _ = play(tmp_path, ONE + receivers)
    stage.reload(100, "packs: [")
    stage.run(until=600)
    assert stage.lines == [f"100 chat meta {REFUSED}"]
