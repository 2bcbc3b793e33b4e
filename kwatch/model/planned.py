"""Change that somebody wanted, as far as it is known from the objects: what goes on, and how far it is."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum

import msgspec


class PlannedKind(Enum):
    """What is going on."""

    ROLLOUT = "rollout"
    SCALE_DOWN = "scale_down"
    DRAIN = "drain"
    JOB_END = "job_end"


class Progress(Enum):
    """How far it is. BEGUN: it is under way, from now on if that was not known; GOING: only if that was known."""

    BEGUN = "begun"
    GOING = "going"
    DONE = "done"
    FAILED = "failed"


class PlannedStep(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one observation says of a planned change. `subject` and `also` are as `subject` below names them."""

    kind: PlannedKind
    subject: str
    progress: Progress
    revision: str = ""  # another one is another rollout
    limit: timedelta | None = None  # how long it may go without getting further; None: the default
    achieved: int = 0  # grows when it gets further
    pods: int | None = None  # how many are replaced or go; None: one more
    also: str = ""  # what it affects beside its subject; empty: nothing
    reason: str = ""  # why it has failed
    unwatched_since: datetime | None = None  # it may have begun from then on; None: the object has been watched


def subject(namespace: str, workload: str) -> str:
    """Name a workload (`Deployment/web`) or a Node (`Node/n1`) in a cluster, as people do."""
    kind, _, name = workload.partition("/")
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def subjects_of(labels: Mapping[str, str]) -> Iterator[str]:
    """Yield what an alert is about, as changes name it."""
    if workload := labels.get("workload"):
        yield subject(labels.get("namespace", ""), workload)
    if node := labels.get("node"):
        yield subject("", f"Node/{node}")
