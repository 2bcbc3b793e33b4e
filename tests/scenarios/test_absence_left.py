"""An absence of what nobody looks at any more: it is not waited for, and what is open is no longer observed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

BACKUP = "{name: no-backup, on: event, match: {reason: BackupDone}, absent_for: 1h, key: [%s]}"
BY_WORKLOAD = BACKUP % "namespace, workload"
CRON = (
    "{name: did-not-run, on: resource, match: {kind: CronJob, changed: [status.lastScheduleTime]}, "
    "key: [namespace, name], absent_for: 1h}"
)
OPT_OUT = "self_service: {watch: opt-out}\n"
OPT_IN = "self_service: {watch: opt-in}\n"
PROD = 'watch: {namespaces: {selector: "env=prod"}}\n'
NOT_SHOP = "watch: {namespaces: {exclude: [shop]}}\n"

NOT_OBSERVED = "nothing was observed any more, so kwatch cannot say that it is over"

Leave = Callable[[Stage, float, str], None]


def namespace(stage: Stage, at: float, watch: str = "", *, env: str = "prod") -> None:
    annotations = {"kwatch/watch": watch} if watch else {}
    metadata = {"name": "shop", "labels": {"env": env}, "annotations": annotations}
    stage.apply(at, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def backup(stage: Stage, at: float) -> None:
    stage.event(at, name=f"backup-1.{at}", about="Pod/shop/backup-1", reason="BackupDone", message="done")


def scheduled(stage: Stage, at: float, hour: int) -> None:
    metadata = {"name": "nightly", "namespace": "shop"}
    status = {"lastScheduleTime": f"2026-01-01T{hour}:00:00Z"}
    stage.apply(at, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "status": status})


def opted_out(stage: Stage, at: float, _rule: str) -> None:
    namespace(stage, at, "false")


def not_selected(stage: Stage, at: float, _rule: str) -> None:
    namespace(stage, at, env="test")


def excluded(stage: Stage, at: float, rule: str) -> None:
    stage.reload(at, text(rule, more=NOT_SHOP))


def excluded_by_restart(stage: Stage, at: float, rule: str) -> None:
    stage.absent(at, at, text(rule, more=NOT_SHOP))


def selected_no_more_by_reload(stage: Stage, at: float, rule: str) -> None:
    stage.reload(at, text(rule, more=PROD.replace("prod", "live")))


LEAVES = pytest.mark.parametrize(
    ("leave", "more", "first"),
    [
        pytest.param(opted_out, OPT_OUT, "", id="opted-out"),
        pytest.param(opted_out, OPT_IN, "true", id="opted-in-no-more"),
        pytest.param(not_selected, PROD, "", id="not-selected"),
        pytest.param(excluded, "", "", id="excluded"),
        pytest.param(excluded_by_restart, "", "", id="excluded-by-restart"),
        pytest.param(selected_no_more_by_reload, PROD, "", id="another-selector"),
    ],
)


@LEAVES
@pytest.mark.parametrize("key", ["namespace", "namespace, workload", "namespace, name"])
def test_what_nobody_looks_at_any_more_is_not_waited_for(
    tmp_path: Path, leave: Leave, more: str, first: str, key: str
) -> None:
    stage = Stage(tmp_path, text(BACKUP % key, more=more))
    namespace(stage, -20, first)
    stage.pod(-20, "backup-1")
    backup(stage, 0)
    leave(stage, 1000, BACKUP % key)
    for at in (2000, 4000):
        backup(stage, at)
    stage.run(until=20_000)
    assert stage.lines == []


@LEAVES
def test_an_absence_that_was_told_is_no_longer_observed(tmp_path: Path, leave: Leave, more: str, first: str) -> None:
    stage = Stage(tmp_path, text(BY_WORKLOAD, more=more))
    namespace(stage, -20, first)
    stage.pod(-20, "backup-1")
    backup(stage, 0)
    leave(stage, 5000, BY_WORKLOAD)
    stage.run(until=20_000)
    ended = 5001 if leave is excluded_by_restart else 5000  # a start has heard of everything a second later
    assert stage.lines == [
        "3600 hook firing no-backup shop/Pod/backup-1",
        f"{ended} hook expired no-backup shop/Pod/backup-1",
    ]
    assert stage.told[1].document["alerts"][0]["end"] == NOT_OBSERVED


@pytest.mark.parametrize(
    ("leave", "more"), [pytest.param(opted_out, OPT_OUT, id="opted-out"), pytest.param(excluded, "", id="excluded")]
)
def test_a_cron_job_that_nobody_looks_at_runs_on_untold(tmp_path: Path, leave: Leave, more: str) -> None:
    stage = Stage(tmp_path, text(CRON, more=more))
    namespace(stage, -20)
    for number in range(6):
        scheduled(stage, number * 1800 - 10, 12 + number)
    leave(stage, 4000, CRON)
    stage.run(until=20_000)
    assert stage.lines == []


def test_what_is_looked_at_again_is_waited_for_from_when_it_is_seen(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BY_WORKLOAD, more=OPT_OUT))
    namespace(stage, -20)
    stage.pod(-20, "backup-1")
    backup(stage, 0)
    namespace(stage, 1000, "false")
    namespace(stage, 2000, "true")
    backup(stage, 3000)
    stage.run(until=7000)
    assert stage.lines == ["6600 hook firing no-backup shop/Pod/backup-1"]


def test_a_reload_does_not_bring_back_what_nobody_looks_at(tmp_path: Path) -> None:
    stage = Stage(tmp_path, text(BY_WORKLOAD, more=OPT_OUT))
    namespace(stage, -20)
    stage.pod(-20, "backup-1")
    backup(stage, 0)
    backup(stage, 4000)
    namespace(stage, 5000, "false")
    stage.reload(5500, text(BY_WORKLOAD.replace("1h", "90m"), more=OPT_OUT))
    stage.run(until=20_000)
    assert stage.lines == [
        "3600 hook firing no-backup shop/Pod/backup-1",
        "4000 hook resolved no-backup shop/Pod/backup-1",
    ]


def test_an_alert_of_an_excluded_namespace_ends_also_by_a_restart(tmp_path: Path) -> None:
    rule = '{name: broken, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}'
    stage = Stage(tmp_path, text(rule))
    stage.pod(0, "w", ready=False)
    stage.absent(100, 200, text(rule, more=NOT_SHOP))
    stage.run(until=20_000)
    assert stage.lines == ["0 hook firing broken shop/Pod/w", "201 hook expired broken shop/Pod/w"]
