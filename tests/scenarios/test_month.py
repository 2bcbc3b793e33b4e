"""A month in virtual time: nothing drifts, nothing piles up, nothing is told that did not happen.

Besides trouble there are a digest each morning, a window each night, a silence, a rollout, and a restart each Sunday.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage
from kwatch.testing.told import Told
from tests.scenarios.plays import Silences

HOUR, DAY = 3600, 86400
DAYS = 30

#: The play begins at noon, on a Thursday; the window is from 02:00 to 04:00, the digest at 08:00.
CONFIG = """
packs: []
rules:
  - {name: not-ready, on: resource, for: 1m,
     match: {kind: Pod, name: [web-1, db-1, night-1, new], condition: {Ready: "False"}}}
  - {name: often, on: event, match: {reason: BackOff, kind: Pod}, rate: {count: 5, within: 15m, per: [name]},
     resolve: {condition: {Ready: "True"}}}
windows: {night: {start: "02:00", end: "04:00"}}
route:
  receiver: team
  group_wait: 15s
  group_by: [name]
  routes:
    - {match: {name: night-1}, receiver: team, mute_in: [night]}
receivers:
  team:
    - {type: webhook, name: hook, url: "https://example.com/hook"}
    - {type: webhook, name: paper, url: "https://example.com/paper", digest: {schedule: "0 8 * * *"}}
"""
#: Every afternoon at three a Pod is not ready for 20 minutes.
DAILY = tuple(day * DAY + 3 * HOUR for day in range(DAYS))
#: On this one somebody has silenced it, for two hours, half an hour before.
SILENCED = DAILY[12]
#: Every night at three another one is, in the window;
NIGHTLY = tuple(day * DAY + 15 * HOUR for day in range(DAYS))
#: once for two hours, beyond its end.
LONG_NIGHT = NIGHTLY[10]
#: Once a week a Pod fails to start for two hours, and its Events are told by one update each five minutes.
WEEKLY = tuple(day * DAY + 12 * HOUR for day in (1, 8, 15, 22, 29))
#: For two days another one is not ready.
LONG = (4 * DAY + 6 * HOUR, 6 * DAY + 6 * HOUR)
#: A rollout that goes well, of which one Pod takes its time.
ROLLOUT = 17 * DAY + 10 * HOUR
#: On Sundays kwatch is killed, and is back ten seconds later.
RESTARTS = tuple(day * DAY + 21 * HOUR for day in (2, 9, 16, 23))


def expected() -> list[str]:
    """Return every message, by hand: for 1m and group_wait 15 s to begin, resolve_hold 2m to end, repeats each 4 h."""
    told: list[tuple[float, str]] = []
    for at in set(DAILY) - {SILENCED}:
        told.append((at + 75, "firing not-ready shop/Pod/web-1"))
        told.append((at + 20 * 60 + 120, "resolved not-ready shop/Pod/web-1"))
    told.append((LONG_NIGHT + HOUR, "firing not-ready shop/Pod/night-1"))
    told.append((LONG_NIGHT + 2 * HOUR + 120, "resolved not-ready shop/Pod/night-1"))
    for at in WEEKLY:
        # One occurrence each 100 seconds, three with each update: the one at 600 s brings the sixth.
        told.append((at + 615, "firing often shop/Pod/job-1 ×6"))
        told.append((at + 2 * HOUR + 120, "resolved often shop/Pod/job-1 ×72"))
    begin, end = LONG
    told.append((begin + 75, "firing not-ready shop/Pod/db-1"))
    told += [(begin + 75 + number * 4 * HOUR, "repeat not-ready shop/Pod/db-1") for number in range(1, 13)]
    told.append((end + 120, "resolved not-ready shop/Pod/db-1"))
    # It has gone well 30 s after it was done.
    told.append((ROLLOUT + 130 + 30 + 15, "notice planned-change shop/Deployment/web"))
    return [f"{at} hook {line}" for at, line in sorted(told)]


def expected_digests() -> list[tuple[float, dict[str, list[str]]]]:
    """Return each digest and its sections, by hand; on the morning after the silence nothing had happened."""
    found: dict[int, dict[str, list[str]]] = {day: {"came_and_went": ["web-1"]} for day in range(DAYS) if day != 12}
    for day in (1, 8, 15, 22, 29):
        found[day]["came_and_went"].append("job-1")
    found[10]["came_and_went"].append("night-1")
    found[4]["new"] = ["db-1"]
    found[5]["still_open"] = ["db-1"]
    found[6]["ended"] = ["db-1"]
    found[17]["notices"] = ["web"]
    return [(day * DAY + 20 * HOUR, found[day]) for day in sorted(found)]


def test_a_month_of_trouble_is_told_to_the_message(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    plays(stage)
    stage.run(until=DAYS * DAY)
    assert [str(told) for told in stage.told if told.destination == "hook"] == expected()
    assert [(told.at, sections(told)) for told in stage.told if told.destination == "paper"] == expected_digests()


def sections(told: Told) -> dict[str, list[str]]:
    return {each["name"]: [alert["labels"]["name"] for alert in each["alerts"]] for each in told.document["sections"]}


def plays(stage: Stage) -> None:
    for name in ("web-1", "db-1", "job-1", "night-1", "old"):
        stage.pod(0, name, ready=True)
    for at in DAILY:
        unready(stage, "web-1", at, at + 20 * 60)
    Silences(stage).add(SILENCED - 1800, {"name": "web-1"}, **{"for": "2h"})
    for at in NIGHTLY:
        unready(stage, "night-1", at, at + (2 * HOUR if at == LONG_NIGHT else 20 * 60))
    for at in WEEKLY:
        stage.pod(at - 1, "job-1", ready=False)
        for step in range(1, 25):
            stage.event(at + step * 300, 3 * step, name=f"job-1.{at}", about="Pod/shop/job-1", first=at)
        stage.pod(at + 2 * HOUR, "job-1", ready=True)
    unready(stage, "db-1", *LONG)
    deployment(stage, 0, 2, 2, revision=1)
    deployment(stage, ROLLOUT, 3, 1)
    unready(stage, "new", ROLLOUT + 1, ROLLOUT + 100, owner="Deployment/web")
    deployment(stage, ROLLOUT + 130, 2, 2)
    for at in RESTARTS:
        stage.absent(at, at + 10)


def unready(stage: Stage, name: str, begin: float, end: float, **more: Any) -> None:
    stage.pod(begin, name, ready=False, **more)
    stage.pod(end, name, ready=True, **more)


def deployment(stage: Stage, at: float, total: int, updated: int, *, revision: int = 2) -> None:
    """Let a Deployment say how many Pods there are, and of the newest revision; it wants two."""
    metadata = {
        "name": "web",
        "namespace": "shop",
        "annotations": {"deployment.kubernetes.io/revision": str(revision)},
    }
    counts = {"replicas": total, "updatedReplicas": updated, "availableReplicas": 2}
    status: Mapping[str, Any] = {"observedGeneration": 99, **counts, "conditions": []}
    spec = {"replicas": 2, "progressDeadlineSeconds": 600}
    kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
    stage.apply(at, {**kind, "metadata": metadata, "spec": spec, "status": status})
