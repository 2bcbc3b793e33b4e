"""Another configuration while kwatch runs (S-41, S-42, S-49, S-50, S-60, S-61, F-42, F-43, T13, T48)."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.app import App
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play
from tests.scenarios.writing import NOT_READY, text

BROKEN = "{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s%s}"
EVICTED = "{name: evicted, on: resource, match: {kind: Pod, fields: {status.reason: Evicted}}, resolve_hold: 0s}"
FULL = '{name: full, on: resource, match: {kind: Node, condition: {DiskPressure: "True"}}, resolve_hold: 0s}'
NOTED = "{name: noted, on: event, match: {kind: Pod, reason: BackOff}, mode: notice, key: [namespace, name]}"
OFTEN = (
    "{name: often, on: event, match: {kind: Pod, reason: BackOff}, "
    "rate: {count: 5, within: 5m, per: [namespace, name]}}"
)


REFUSED = "the new configuration is wrong, the old one stays in use"


def rules(*lines: str) -> str:
    return "packs: []\nrules:\n" + "".join(f"  - {line}\n" for line in lines)


def routed(route: str, *, url: str = "hook", name: str = "hook") -> str:
    destination = f'{{type: webhook, name: {name}, url: "http://receiver.example/{url}"}}'
    return f"route: {{receiver: team, {route}}}\nreceivers: {{team: [{destination}]}}\n"


ONE = rules(BROKEN % "")
AT_ONCE = "group_by: [namespace], group_wait: 0s"
AT_ONCE_EACH = routed("group_by: [rule, namespace, name], group_wait: 0s")


def test_S41_a_rule_removed_while_it_fires_expires_with_the_stored_key(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(BROKEN % "", EVICTED) + HOOK)
    pods.phase(0, "a", "Failed", reason="Evicted")
    stage.reload(100, ONE + HOOK)
    pods.phase(700, "a", "Running")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing evicted shop/Pod/a, broken shop/Pod/a",
        "120 hook update broken shop/Pod/a, evicted shop/Pod/a expired",
        "700 hook resolved broken shop/Pod/a",
    ]


def test_S41_the_last_rule_of_an_incident_removed_closes_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules(EVICTED) + HOOK)
    opened, closed = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "100 hook expired broken shop/Pod/a"]
    assert closed.document["incident"] == opened.document["incident"]
    assert closed.document["alerts"][0]["end"] == "the rule was removed"


def test_S41_a_rule_that_comes_back_goes_on_counting_its_episodes(tmp_path: Path) -> None:
    """The number is part of the keys that other tools know an episode by: it must not be given twice."""
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules(EVICTED) + HOOK)
    stage.reload(800, ONE + HOOK)
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook expired broken shop/Pod/a",
        "800 hook summary broken shop/Pod/a",
    ]
    assert [each.document["alerts"][0]["episode"] for each in stage.told] == [1, 1, 2]


def test_S42_a_rule_renamed_without_an_id_ends_and_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, ONE.replace("broken", "crashed") + HOOK)
    pods.phase(200, "a", "Running")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "100 hook expired broken shop/Pod/a",
        "100 hook summary crashed shop/Pod/a",
        "200 hook resolved crashed shop/Pod/a",
    ]
    hint = f"{tmp_path}/kwatch.yaml:3: 'broken' is 'crashed' now, another rule: `id: broken` would keep its alerts"
    assert [vars(each)["hint"] for each in caplog.records if each.message == "a rule was renamed without an id"] == [
        hint
    ]


def test_S42_a_rule_renamed_with_its_id_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules((BROKEN % ", id: broken").replace("name: broken", "name: crashed")) + HOOK)
    pods.phase(200, "a", "Running")
    stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert [each for each in caplog.records if each.message == "a rule was renamed without an id"] == []


def test_S49_a_worse_severity_is_told_at_once(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(60, rules(BROKEN % ", severity: critical") + HOOK)
    _, update = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "60 hook update broken shop/Pod/a"]
    assert update.document["severity"] == "critical"


def test_S50_a_lesser_severity_is_told_at_the_next_flush(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(BROKEN % ", severity: critical") + HOOK)
    pods.phase(0, "a")
    stage.reload(60, ONE + HOOK)
    _, update = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "120 hook update broken shop/Pod/a"]
    assert update.document["severity"] == "warning"


def test_S60_a_matcher_that_is_written_otherwise_tells_nothing(tmp_path: Path) -> None:
    child = ", routes: [{match: {namespace: %s}, receiver: team}]"
    stage, pods = play(tmp_path, ONE + routed(AT_ONCE + child % '"sh*"'))
    pods.phase(0, "a")
    stage.reload(100, ONE + routed(AT_ONCE + child % "shop"))
    pods.phase(200, "a", "Running")
    opened, closed = stage.run(until=900)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "200 hook resolved broken shop/Pod/a"]
    assert closed.document["incident"] == opened.document["incident"]


def test_S61_members_that_were_announced_stay_where_they_are(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    pods.phase(0, "b")
    stage.reload(150, ONE + routed("group_by: [namespace, name], group_wait: 0s"))
    pods.phase(200, "c")
    pods.phase(300, "a", "Running")
    pods.phase(400, "b", "Running")
    pods.phase(500, "c", "Running")
    stage.run(until=900)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "120 hook update broken shop/Pod/b, broken shop/Pod/a",
        "200 hook firing broken shop/Pod/c",
        "300 hook update broken shop/Pod/b, broken shop/Pod/a resolved",
        "400 hook resolved broken shop/Pod/b",
        "500 hook resolved broken shop/Pod/c",
    ]


def test_other_timings_hold_for_the_groups_that_there_are(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, ONE + routed(AT_ONCE + ", repeat_interval: 10m"))
    stage.run(until=1300)
    assert stage.lines == [
        "0 hook firing broken shop/Pod/a",
        "600 hook repeat broken shop/Pod/a",
        "1200 hook repeat broken shop/Pod/a",
    ]


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


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_T13_what_a_reload_does_not_change_is_identical_before_and_after(tmp_path: Path, is_reloaded: bool) -> None:
    """A pending alert, a rate that is half full, a queue, a destination that does not answer, a group that waits."""
    asked = (BROKEN % "", BROKEN.replace("broken", "slow") % ", for: 5m", OFTEN)
    route = routed("group_by: [rule], group_wait: 30s, group_interval: 10m")
    stage, pods = play(tmp_path, rules(*asked) + route)
    kept: list[Any] = []
    pods.phase(0, "a")
    for second in (10, 20, 30, 110, 120):
        pods.event(second, "a", second // 10 if second < 100 else second // 10 - 7)
    stage.at(20, lambda: setattr(stage, "answer", lambda _: httpx.Response(500)))
    stage.at(200, lambda: setattr(stage, "answer", lambda _: httpx.Response(200)))
    pods.phase(95, "b")
    stage.at(99, lambda: kept.append(running(stage).state.load()))
    if is_reloaded:
        stage.reload(100, rules(*asked, FULL) + route)
    stage.at(101, lambda: kept.append(running(stage).state.load()))
    stage.run(until=1000)
    assert (kept[0].rows, kept[0].incidents) == (kept[1].rows, kept[1].incidents)
    assert stage.lines == [
        "251.425 hook firing broken shop/Pod/a",
        "251.425 hook firing often shop/Pod/a ×5",
        "330 hook firing slow shop/Pod/a",
        "630 hook update broken shop/Pod/a, broken shop/Pod/b",
        "930 hook update slow shop/Pod/a, slow shop/Pod/b",
    ]


def running(stage: Stage) -> App:
    assert stage.app is not None
    return stage.app


def test_F42_a_reload_every_2_s_in_a_storm_changes_nothing_of_what_is_told(tmp_path: Path) -> None:
    """Nothing twice, nothing lost, and each at its time; rules and kinds come and go meanwhile."""
    quiet, reloaded = storm(tmp_path / "quiet", is_reloaded=False), storm(tmp_path / "reloaded", is_reloaded=True)
    assert quiet.lines == reloaded.lines
    told = [(one.kind, alert) for one in reloaded.told for alert in one.document["alerts"]]
    everyone = sorted(f"p{number}" for number in range(60))
    assert sorted(alert["labels"]["name"] for kind, alert in told if kind == "notice") == everyone
    assert sorted(alert["labels"]["name"] for kind, alert in told if kind != "notice" and alert["is_new"]) == everyone
    assert reloaded.lines[0] == "0.5 hook notice noted shop/Pod/p0"
    assert "30 hook firing broken shop/Pod/p0" in reloaded.lines
    assert reloaded.counted("config_reload_failures") == 0


def test_F42_without_their_identity_rules_tell_everything_again(tmp_path: Path) -> None:
    """A reload that gives a rule another name in the middle of the storm: what fires is told once more."""
    stage, pods = play(tmp_path, rules(BROKEN % "") + AT_ONCE_EACH)
    pods.phase(0, "a")
    stage.reload(100, rules((BROKEN % "").replace("broken", "renamed")) + AT_ONCE_EACH)
    stage.run(until=600)
    assert [one.kind for one in stage.told] == ["firing", "expired", "summary"]


def storm(folder: Path, *, is_reloaded: bool) -> Stage:
    """60 Pods fail, one per second, each with an Event; one fails for 30 s before it is told."""
    folder.mkdir()
    route = routed("group_by: [namespace, name], group_wait: 0s")
    texts = [rules(BROKEN % ", for: 30s", NOTED, *more) + route for more in ((), (EVICTED,), (FULL,))]
    stage, pods = play(folder, texts[0])
    for number in range(60):
        pods.phase(number, f"p{number}")
        pods.event(number + 0.5, f"p{number}")
    for turn in range(1, 60):
        if is_reloaded:
            stage.reload(turn * 2, texts[turn % 3])
    stage.run(until=900)
    return stage


def test_T48_a_reload_in_the_middle_of_a_burst_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(NOTED) + HOOK)
    for number in range(200):
        pods.event(10 + number / 100, f"p{number}")
    stage.reload(11, rules(NOTED, EVICTED, BROKEN % "") + HOOK)
    told = stage.run(until=600)
    names = [alert["labels"]["name"] for one in told for alert in one.document["alerts"]]
    assert sorted(names) == sorted(f"p{number}" for number in range(200))


def test_F43_without_the_fault_the_new_configuration_is_used_and_nothing_is_told_of_it(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, ONE + HOOK)
    pods.phase(0, "a")
    stage.reload(100, rules(BROKEN % ", severity: critical") + HOOK)
    seen = looks(stage, 250)
    stage.run(until=300)
    assert [one.kind for one in stage.told] == ["firing", "update"]
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


def looks(stage: Stage, *instants: float) -> dict[float, Any]:
    seen: dict[float, Any] = {}

    async def look() -> None:
        seen[stage.now()] = (await stage.get("/readyz")).json()

    for instant in instants:
        stage.at(instant, look)
    return seen


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


def test_a_destination_that_refuses_is_tried_at_once_with_another_url(tmp_path: Path) -> None:
    """Its suspension is that of the old one; what it held is delivered, in order."""
    stage, pods = play(tmp_path, ONE + routed(AT_ONCE, url="old"))
    stage.answer = lambda request: httpx.Response(404 if request.url.path == "/old" else 200)
    pods.phase(0, "a")
    pods.phase(0, "b", ns="bank")
    stage.reload(100, ONE + routed(AT_ONCE, url="new"))
    pods.phase(200, "a", "Running")
    stage.run(until=600)
    assert stage.lines == [
        "100 new firing broken shop/Pod/a",
        "100 new firing broken bank/Pod/b",
        "200 new resolved broken shop/Pod/a",
    ]


def test_a_destination_that_is_removed_keeps_what_it_does_not_take_until_it_is_back(tmp_path: Path) -> None:
    """What fires is told to the one that took its place, in one summary."""
    stage, pods = play(tmp_path, ONE + HOOK)
    stage.answer = lambda request: httpx.Response(503 if request.url.path == "/hook" and stage.now() < 250 else 200)
    pods.phase(0, "a")
    stage.reload(100, ONE + routed(AT_ONCE, url="other", name="other"))
    seen = looks(stage, 200)
    stage.reload(300, ONE + HOOK)
    pods.phase(400, "a", "Running")
    stage.run(until=600)
    states = {each["name"]: (each["queued"], each["suspended"]) for each in seen[200]["destinations"]}
    assert states == {"hook": (2, "not_configured"), "other": (0, "")}
    assert stage.lines == [
        "100 other summary broken shop/Pod/a",
        "300 other expired broken shop/Pod/a",
        "300 hook summary broken shop/Pod/a",
        "338.291 hook firing broken shop/Pod/a",
        "338.291 hook expired broken shop/Pod/a",
        "400 hook resolved broken shop/Pod/a",
    ]


def test_an_inhibition_that_is_removed_lets_go_of_what_it_held_back(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, rules(BROKEN % "", EVICTED) + HOOK + INHIBIT)
    pods.phase(0, "a", reason="Evicted")
    stage.reload(100, rules(BROKEN % "", EVICTED) + HOOK)
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a", "120 hook update evicted shop/Pod/a, broken shop/Pod/a"]


INHIBIT = "inhibit: [{when: {rule: broken}, mute: {rule: evicted}, equal: [namespace]}]\n"


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


def test_an_absence_that_is_asked_for_by_reload_counts_from_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "for: 1m"))
    absent = "{name: silent, on: event, match: {reason: Heartbeat}, absent_for: 1h}"
    stage.reload(1000, text(NOT_READY % "for: 1m", absent))
    stage.run(until=6000)
    assert stage.lines == ["4600 hook firing silent "]


def test_quiet_that_is_asked_for_by_reload_knows_no_tokens_from_before(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(NOT_READY % "for: 1m"), lead=6400.0)
    stage.reload(0, text("{name: back-off, on: event, match: {reason: BackOff}, quiet: 2m}"))
    stage.event(10)
    stage.run(until=6000)
    assert stage.lines == ["10 hook firing back-off shop/Pod/web-1", "490 hook resolved back-off shop/Pod/web-1"]
