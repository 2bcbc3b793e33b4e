"""Each change of what annotations mute stands in the audit log: what began, changed, ended and was refused."""

from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage
from tests.scenarios.owners import allowing, play

#: Of an entry: when, by whom, what, of which object, the rest.
Entry = tuple[float, str, str, str, str]


def audited(stage: Stage, until: float = 600) -> list[Entry]:
    """Play, and return the audit log, oldest first."""
    log: list[dict[str, Any]] = []

    async def look() -> None:
        log.extend((await stage.get("/api/v1/audit")).json()["changes"])

    stage.at(until - 1, look)
    stage.run(until=until)
    seconds = {stage.second(at): at for at in range(int(until))}
    return [
        (
            seconds[entry["at"].replace("+00:00", "Z")],
            entry["actor"],
            entry["action"],
            entry["subject"],
            entry["detail"],
        )
        for entry in reversed(log)
    ]


def test_a_mute_begins_changes_and_ends(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(120))
    owners.namespace(20, mute_until=stage.second(180), mute_reason="moving the database")
    owners.namespace(30, mute_until=stage.second(180), mute_reason="moving the database", runbook="https://a.example")
    owners.deployment(40, mute_until=stage.second(500))
    owners.deployment(50, mute_until=None)
    assert audited(stage) == [
        (10, "annotation", "mute added", "Namespace/shop", "until 2026-01-01 12:02 UTC"),
        (20, "annotation", "mute changed", "Namespace/shop", "until 2026-01-01 12:03 UTC: moving the database"),
        (40, "annotation", "mute added", "Deployment/shop/web", "until 2026-01-01 12:08 UTC"),
        (50, "annotation", "mute expired", "Deployment/shop/web", "until 2026-01-01 12:08 UTC"),
        (180, "kwatch", "mute ended", "Namespace/shop", "until 2026-01-01 12:03 UTC: moving the database"),
    ]


def test_a_mute_ends_with_its_object(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing(""))
    owners.pod(10, "a", mute_until=stage.second(500))
    stage.delete(50, "a")
    assert audited(stage) == [
        (10, "annotation", "mute added", "Pod/shop/a", "until 2026-01-01 12:08 UTC"),
        (50, "annotation", "mute expired", "Pod/shop/a", "until 2026-01-01 12:08 UTC"),
    ]


def test_what_is_refused_is_said_once_with_why(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing("longest_mute: 5m"))
    owners.namespace(10, mute_until="tomorrow")
    owners.namespace(20, mute_until="tomorrow", runbook="https://a.example")
    owners.namespace(30, mute_until=stage.second(200))
    owners.namespace(40, mute_until="2026-01-01T18:00:00Z")
    assert audited(stage) == [
        (
            10,
            "annotation",
            "mute refused",
            "Namespace/shop",
            "tomorrow: write an instant with a zone, as in 2026-03-01T18:00:00Z",
        ),
        (30, "annotation", "mute added", "Namespace/shop", "until 2026-01-01 12:03 UTC"),
        (40, "annotation", "mute expired", "Namespace/shop", "until 2026-01-01 12:03 UTC"),
        (
            40,
            "annotation",
            "mute refused",
            "Namespace/shop",
            "2026-01-01T18:00:00Z: at most 0:05:00 from when it is read",
        ),
    ]


def test_nobody_may_mute_where_that_is_denied(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing("longest_mute: 0s"))
    owners.namespace(10, mute_until=stage.second(200))
    denied = "2026-01-01T12:03:20Z: the configuration does not allow it, see `self_service`"
    assert audited(stage) == [(10, "annotation", "mute refused", "Namespace/shop", denied)]


def test_what_the_administrator_denies_later_ends(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(500))
    owners.deployment(10, mute_until=stage.second(500))
    stage.reload(20, allowing("longest_mute: 0s"))
    stage.reload(30, allowing(""))
    stage.reload(40, allowing("").partition("self_service")[0])
    until = "until 2026-01-01 12:08 UTC"
    denied = "2026-01-01T12:08:20Z: the configuration does not allow it, see `self_service`"
    assert audited(stage) == [
        (10, "annotation", "mute added", "Namespace/shop", until),
        (10, "annotation", "mute added", "Deployment/shop/web", until),
        (20, "kwatch", "mute ended", "Namespace/shop", until),
        (20, "kwatch", "mute refused", "Namespace/shop", denied),
        (20, "kwatch", "mute ended", "Deployment/shop/web", until),
        (20, "kwatch", "mute refused", "Deployment/shop/web", denied),
        (30, "kwatch", "mute added", "Namespace/shop", until),
        (30, "kwatch", "mute added", "Deployment/shop/web", until),
        (40, "kwatch", "mute ended", "Namespace/shop", until),
        (40, "kwatch", "mute ended", "Deployment/shop/web", until),
    ]


def test_a_mute_that_ends_while_kwatch_is_away_is_said_to_have_ended_and_a_restart_adds_none(tmp_path: Path) -> None:
    stage, _, owners = play(tmp_path, allowing(""))
    owners.namespace(10, mute_until=stage.second(150))
    owners.deployment(10, mute_until=stage.second(500))
    stage.absent(100, 200)
    assert audited(stage, until=400) == [
        (10, "annotation", "mute added", "Namespace/shop", "until 2026-01-01 12:02 UTC"),
        (10, "annotation", "mute added", "Deployment/shop/web", "until 2026-01-01 12:08 UTC"),
        (200, "kwatch", "mute ended", "Namespace/shop", "until 2026-01-01 12:02 UTC"),
    ]
