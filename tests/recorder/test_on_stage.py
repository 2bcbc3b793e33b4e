"""A handful of the mixes through all of kwatch, on the fake cluster: watches end, and are resumed, as they are."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing.stage import Stage
from tests.recorder.mixes import OVER, START, Mix, mix
from tests.recorder.recorder import Frame
from tests.scenarios.writing import text

RULE = "{name: any, on: event, match: {type: Warning}, key: [namespace, name, reason], quiet: %ds}"
ROUTE = "group_by: [reason], group_wait: 0s, group_interval: 0s, repeat_interval: 0s"


@pytest.mark.parametrize("seed", range(1000, 1006))
def test_no_end_is_false_and_every_occurrence_is_counted(seed: int, tmp_path: Path) -> None:
    played = mix(seed)
    stage = Stage(
        tmp_path,
        text(RULE % played.quiet.total_seconds(), route=ROUTE),
        start=START,
        lead=60 - played.synced_at,
    )
    for frame in played.frames:
        if frame.kind == "DELETED":
            stage.delete(frame.at, frame.body["metadata"]["name"], kind="Event")
        else:
            stage.apply(frame.at, manifest(frame))
    stage.run(until=OVER)
    ends = [(told.at, alert) for told in stage.told if told.kind == "resolved" for alert in told.document["alerts"]]
    counts: dict[str, int] = {}
    for at, alert in ends:
        reason = alert["labels"]["reason"]
        counts[reason] = counts.get(reason, 0) + alert["count"]
        assert (counts[reason], int(seconds(alert["ends_at"]))) == told_until(played, reason, at)
        assert at - happened_until(played, reason, at) >= played.quiet.total_seconds() - 0.001
    assert ends


def seconds(instant: str) -> float:
    return (datetime.fromisoformat(instant) - START).total_seconds()


def told_until(played: Mix, reason: str, at: float) -> tuple[int, int]:
    """Return how many occurrences writes had told of, and the second of the last."""
    number, last = [frame.told[reason] for frame in played.frames if frame.at <= at and reason in frame.told][-1]
    return number, int(last)


def happened_until(played: Mix, reason: str, at: float) -> float:
    return max(when for when in played.occurrences[reason] if when <= at)


def manifest(frame: Frame) -> dict[str, Any]:
    """Return the object of a frame as its recorder writes it."""
    version = "v1" if "involvedObject" in frame.body else "events.k8s.io/v1"
    metadata = {name: frame.body["metadata"][name] for name in ("name", "namespace", "creationTimestamp")}
    return {**frame.body, "apiVersion": version, "kind": "Event", "metadata": metadata}
