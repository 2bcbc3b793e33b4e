"""S-45 to S-48: what has not happened for a while."""

from pathlib import Path
from typing import Any

from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

RULE = "{name: no-backup, on: event, match: {reason: BackupDone}, absent_for: 1h%s}"
NO_BACKUP = text(RULE % "")


def backup(stage: Stage, at: float, pod: str = "backup-1") -> None:
    stage.event(at, name=f"{pod}.{at}", about=f"Pod/shop/{pod}", reason="BackupDone", message="done")


def other(stage: Stage, at: float) -> None:
    """Let the watch have something to say, so that it is in sync at once after a restart."""
    stage.event(at, name=f"other.{at}", reason="Pulled")


def alert_of(stage: Stage, message: int = 0) -> dict[str, Any]:
    alert: dict[str, Any] = stage.told[message].document["alerts"][0]
    return alert


def test_S45_nothing_for_an_hour_after_the_last_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    stage.run(until=14_000)
    assert stage.lines == ["3600 hook firing no-backup "]
    alert = alert_of(stage)
    assert alert["message"] == "nothing matched for 1h"
    assert alert["labels"] == {"cluster": "stage", "rule": "no-backup", "severity": "warning"}
    assert alert["starts_at"] == "2026-01-01T13:00:00+00:00"


def test_S45_each_one_puts_it_off(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    for at in (0, 3000, 6599):
        backup(stage, at)
    stage.run(until=10_198)
    assert stage.lines == []


def test_it_ends_when_something_matches_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    backup(stage, 5000)
    stage.run(until=8599)
    assert stage.lines == ["3600 hook firing no-backup ", "5000 hook resolved no-backup "]
    assert alert_of(stage, 1)["ends_at"] == "2026-01-01T13:23:20+00:00"
    assert "seen again" in stage.told[1].document["text"]


def test_it_begins_again_an_hour_after_its_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    backup(stage, 5000)
    stage.run(until=9000)
    assert stage.lines == [
        "3600 hook firing no-backup ",
        "5000 hook resolved no-backup ",
        "8600 hook firing no-backup ",
    ]


def broken_watch(stage: Stage, begin: float, end: float) -> None:
    """Let the watch of Events be broken, and what was written meanwhile be found by a list alone."""

    def cut() -> None:
        stage.cluster.faults.add(Fault(effect=Effect.HTML_500, path="*/events", times=1_000_000))
        stage.cluster.strike(Fault(effect=Effect.DROP, path="*/events"))

    stage.at(begin, cut)
    stage.at(end, stage.cluster.compact)
    stage.at(end, stage.cluster.faults.clear)


def test_S46_what_happened_while_the_watch_was_out_of_sync_is_found_by_relist(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    broken_watch(stage, 3000, 4000)
    backup(stage, 3500)
    stage.run(until=14_000)
    assert stage.lines == ["7100 hook firing no-backup "]
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 2


def test_S47_a_minute_of_grace_after_a_relist_that_found_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    broken_watch(stage, 3000, 4000)
    other(stage, 3500)
    stage.run(until=14_000)
    assert stage.lines == ["4158.891 hook firing no-backup "]  # a minute after the list of 4098.891
    assert alert_of(stage)["starts_at"] == "2026-01-01T13:00:00+00:00"
    assert stage.counted("watch_lists", source="events.k8s.io/v1/events") == 2


def test_S46_what_happened_while_the_watch_was_away_counts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    stage.absent(3000, 4000)
    backup(stage, 3500)
    stage.run(until=14_000)
    assert stage.lines == ["7100 hook firing no-backup "]


def test_S47_a_minute_of_grace_after_the_watch_is_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    stage.absent(3000, 4000)
    other(stage, 3500)
    stage.run(until=14_000)
    assert stage.lines == ["4060 hook firing no-backup "]
    assert alert_of(stage)["starts_at"] == "2026-01-01T13:00:00+00:00"


def test_S48_never_seen_counts_from_the_activation(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP, lead=30)
    stage.run(until=14_000)
    assert stage.lines == ["3570 hook firing no-backup "]


def test_S48_a_rule_that_is_added_counts_from_the_restart_with_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text("{name: else, on: event, match: {reason: Else}}"))
    stage.absent(1000, 2000, NO_BACKUP)
    stage.run(until=14_000)
    assert stage.lines == ["5600 hook firing no-backup "]


def test_S48_a_restart_does_not_begin_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP, lead=30)
    for at in (1000, 2000):
        stage.absent(at, at + 100)
    stage.run(until=14_000)
    assert stage.lines == ["3570 hook firing no-backup "]


def test_an_alert_that_fires_goes_on_over_a_restart_and_ends(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    stage.absent(4000, 5000)
    backup(stage, 6000)
    stage.run(until=9000)
    assert stage.lines == ["3600 hook firing no-backup ", "6000 hook resolved no-backup "]


def test_one_that_came_back_while_kwatch_was_away_is_over(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    stage.absent(4000, 5000)
    backup(stage, 4500)
    stage.run(until=8000)
    assert stage.lines == ["3600 hook firing no-backup ", "5000 hook resolved no-backup "]
    assert alert_of(stage, 1)["ends_at"] == "2026-01-01T13:15:00+00:00"


def test_a_key_watches_each_value_from_the_first_time_that_it_was_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % ", key: [namespace, workload]"))
    backup(stage, 0, "a")
    for at in (100, 3000, 6000, 9000):
        backup(stage, at, "b")
    stage.run(until=12_000)
    assert stage.lines == ["3600 hook firing no-backup shop/Pod/a"]


def test_a_key_value_that_stays_away_is_given_up_until_it_is_seen_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(RULE % ", key: [namespace, workload], expire_after: 2h"))
    backup(stage, 0, "a")
    backup(stage, 20_000, "a")
    stage.run(until=24_000)
    assert stage.lines == [
        "3600 hook firing no-backup shop/Pod/a",
        "10800 hook expired no-backup shop/Pod/a",
        "23600 hook firing no-backup shop/Pod/a",
    ]


CRON = (
    "{name: did-not-run, on: resource, match: {kind: CronJob, changed: [status.lastScheduleTime]}, "
    "key: [namespace, name], absent_for: 26h}"
)
HOUR = 3600


def cron_job(stage: Stage, at: float, scheduled: str) -> None:
    metadata = {"name": "nightly", "namespace": "shop"}
    status = {"lastScheduleTime": scheduled}
    stage.apply(at, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "status": status})


def test_a_moment_of_an_object_may_be_absent_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(CRON, route="group_wait: 0s, repeat_interval: 0s"))
    for day in range(3):
        cron_job(stage, day * 24 * HOUR, f"2026-01-0{day + 1}T12:00:00Z")
    stage.run(until=100 * HOUR)
    assert stage.lines == [f"{(48 + 26) * HOUR} hook firing did-not-run shop/CronJob/nightly"]


def test_an_object_that_is_deleted_is_awaited_no_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(CRON, route="group_wait: 0s, repeat_interval: 0s"))
    for day in range(2):
        cron_job(stage, day * 24 * HOUR, f"2026-01-0{day + 1}T12:00:00Z")
    gone = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop"}}
    stage.at(30 * HOUR, lambda: stage.cluster.delete(gone))
    stage.run(until=100 * HOUR)
    assert stage.lines == []


def test_an_absence_ends_with_its_object(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(CRON, route="group_wait: 0s, repeat_interval: 0s"))
    for day in range(2):
        cron_job(stage, day * 24 * HOUR, f"2026-01-0{day + 1}T12:00:00Z")
    gone = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop"}}
    stage.at(60 * HOUR, lambda: stage.cluster.delete(gone))
    stage.run(until=100 * HOUR)
    assert stage.lines == [
        f"{50 * HOUR} hook firing did-not-run shop/CronJob/nightly",
        f"{60 * HOUR} hook resolved did-not-run shop/CronJob/nightly",
    ]


def test_S47_while_the_watch_of_events_is_broken_nothing_is_known_to_be_absent(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NO_BACKUP)
    backup(stage, 0)
    broken_watch(stage, 3000, 20_000)
    stage.run(until=30_000)
    assert stage.lines == ["20093.149 hook firing no-backup "]  # a minute after the list of 20033.149


BEAT = text(
    "{name: beat, on: event, match: {reason: Beat}, absent_for: 1h}", route="group_wait: 0s, group_interval: 0s"
)


def test_S119_what_came_all_along_was_not_absent_while_the_machine_slept(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BEAT)
    for number in range(12):
        stage.event(600 * number, number + 1, reason="Beat")
    stage.sleep(3000, 6900)
    stage.run(until=3 * 3600)
    assert stage.lines == [
        "6900 hook meta blind from 2026-01-01 12:49 to 2026-01-01 13:55 UTC",
        "10200 hook firing beat ",
    ]


def test_S119_what_did_not_come_while_the_machine_slept_is_told_a_minute_after_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BEAT)
    stage.event(0, reason="Beat")
    stage.sleep(3000, 6900)
    stage.run(until=3 * 3600)
    assert stage.lines == [
        "6901 hook meta blind from 2026-01-01 12:49 to 2026-01-01 13:55 UTC",
        "6961 hook firing beat ",
    ]
