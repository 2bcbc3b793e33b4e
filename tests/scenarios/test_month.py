"""A month in virtual time: nothing drifts, nothing piles up, nothing is told that did not happen."""

from pathlib import Path

from kwatch.testing.stage import Stage
from tests.scenarios.writing import text

HOUR, DAY = 3600, 86400
DAYS = 30

CONFIG = text(
    '{name: not-ready, on: resource, match: {kind: Pod, name: [web-1, db-1], condition: {Ready: "False"}}, for: 1m}',
    "{name: often, on: event, match: {reason: BackOff, kind: Pod}, rate: {count: 5, within: 15m, per: [name]}, "
    'resolve: {condition: {Ready: "True"}}}',
    route="group_wait: 15s, group_by: [name]",
)
#: Every night at three a Pod is not ready for 20 minutes.
NIGHTLY = tuple(day * DAY + 3 * HOUR for day in range(DAYS))
#: Once a week a Pod fails to start for two hours, and its Events are told by one update each five minutes.
WEEKLY = tuple(day * DAY + 12 * HOUR for day in (1, 8, 15, 22, 29))
#: For two days another one is not ready.
LONG = (4 * DAY + 6 * HOUR, 6 * DAY + 6 * HOUR)
#: On Sundays kwatch is killed, and is back ten seconds later.
RESTARTS = tuple(day * DAY + 20 * HOUR for day in (6, 13, 20, 27))


def expected() -> list[str]:
    """Return every message, by hand: for 1m and group_wait 15 s to begin, resolve_hold 2m to end, repeats each 4 h."""
    told: list[tuple[float, str]] = []
    for at in NIGHTLY:
        told.append((at + 75, "firing not-ready shop/Pod/web-1"))
        told.append((at + 20 * 60 + 120, "resolved not-ready shop/Pod/web-1"))
    for at in WEEKLY:
        # One occurrence each 100 seconds, three with each update: the one at 600 s brings the sixth.
        told.append((at + 615, "firing often shop/Pod/job-1 ×6"))
        told.append((at + 2 * HOUR + 120, "resolved often shop/Pod/job-1 ×72"))
    begin, end = LONG
    told.append((begin + 75, "firing not-ready shop/Pod/db-1"))
    told += [(begin + 75 + number * 4 * HOUR, "repeat not-ready shop/Pod/db-1") for number in range(1, 13)]
    told.append((end + 120, "resolved not-ready shop/Pod/db-1"))
    return [f"{at} hook {line}" for at, line in sorted(told)]


def test_a_month_of_trouble_is_told_to_the_message(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    for name in ("web-1", "db-1", "job-1"):
        stage.pod(0, name, ready=True)
    for at in NIGHTLY:
        stage.pod(at, "web-1", ready=False)
        stage.pod(at + 20 * 60, "web-1", ready=True)
    for at in WEEKLY:
        stage.pod(at - 1, "job-1", ready=False)
        for step in range(1, 25):
            stage.event(at + step * 300, 3 * step, name=f"job-1.{at}", about="Pod/shop/job-1", first=at)
        stage.pod(at + 2 * HOUR, "job-1", ready=True)
    begin, end = LONG
    stage.pod(begin, "db-1", ready=False)
    stage.pod(end, "db-1", ready=True)
    for at in RESTARTS:
        stage.absent(at, at + 10)
    stage.run(until=DAYS * DAY)
    assert stage.lines == expected()
