"""What is said of a planned change: its name while it goes on, and one line when it went well."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from kwatch.alerts.records import PlannedChange
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.identity import fingerprint
from kwatch.model.planned import PlannedKind
from kwatch.model.rules import PLANNED_CHANGE, Severity

_NAMES = {
    PlannedKind.ROLLOUT: "rollout of",
    PlannedKind.SCALE_DOWN: "scale-down of",
    PlannedKind.DRAIN: "drain of",
    PlannedKind.JOB_END: "end of",
}


def name_of(change: PlannedChange) -> str:
    """Return `the rollout of Deployment shop/web`."""
    return f"the {_NAMES[change.kind]} {change.subject}"


def line_of(change: PlannedChange, labels: Iterable[Mapping[str, str]], cluster: str, now: datetime) -> AlertView:
    """Return the line that stands for alerts with these labels; it has those that they share, so it goes their way."""
    every = list(labels)
    shared = {name: value for name, value in every[0].items() if all(each.get(name) == value for each in every)}
    for name in ("namespace", "reason", "node", "message"):
        shared.pop(name, None)
    return AlertView(
        fingerprint=fingerprint(cluster, PLANNED_CHANGE, {"change": change.key}),
        episode=1,
        rule=PLANNED_CHANGE,
        state=AlertState.INACTIVE,
        severity=Severity.INFO,
        labels={**shared, **_labels_of(change), "cluster": cluster},
        annotations={},
        message=_text(change, len(every), now),
        details={},
        count=1,
        window_count=0,
        starts_at=change.started_at,
        is_new=True,
    )


def _labels_of(change: PlannedChange) -> dict[str, str]:
    kind, _, place = change.subject.partition(" ")
    namespace, slash, name = place.rpartition("/")
    labels = {"rule": PLANNED_CHANGE, "severity": Severity.INFO.word, "kind": kind, "name": name}
    labels |= {"namespace": namespace} if slash else {"node": name}
    return {**labels, "workload": f"{kind}/{name}"}


def _text(change: PlannedChange, held: int, now: datetime) -> str:
    pods = _several(change.pods, "Pod")
    lasted = _duration((change.done_at or now) - change.counts_from)
    said = {
        PlannedKind.ROLLOUT: f"rolled out: {pods}, {lasted}",
        PlannedKind.SCALE_DOWN: f"scaled down: {pods} fewer, {lasted}",
        PlannedKind.DRAIN: f"drained: {pods} moved, {lasted}",
        PlannedKind.JOB_END: "has done its work",
    }
    return f"{change.subject} {said[change.kind]}, {_several(held, 'alert')} came and went"


def _several(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _duration(lasted: timedelta) -> str:
    minutes, seconds = divmod(round(lasted.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
