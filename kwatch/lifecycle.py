"""What is said of kwatch's own life to those who want to hear it: it started, stopped, is another version. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from kwatch.model.routes import Destination, Moment
from kwatch.store.deliveries import Queue


def wanting(destinations: Iterable[Destination], moments: Iterable[Moment]) -> tuple[Destination, ...]:
    """Return who wants to hear of one of these moments."""
    asked = frozenset(moments)
    return tuple(each for each in destinations if asked & each.lifecycle)


def moments_of_start(version: str, before: str) -> tuple[Moment, ...]:
    """Return what a start is; `before` is the version of the last one, empty where there was none."""
    return (Moment.STARTED, Moment.UPGRADED) if before and before != version else (Moment.STARTED,)


def started(version: str, before: str, cluster: str, left: Mapping[str, Queue]) -> str:
    """Return what is told of a start."""
    what = (
        f"kwatch was upgraded from {before} to {version}"
        if before and before != version
        else f"kwatch {version} started"
    )
    lines = [f"{what}, and watches {cluster}."]
    if left:
        lines.append(f"Left from before: {queued(left)}.")
    return "\n".join(lines)


def stopped(version: str, cluster: str, now: datetime) -> str:
    """Return what is told of a stop."""
    return f"kwatch {version} stopped at {now:%H:%M} UTC: nobody watches {cluster} until it is started again."


def queued(left: Mapping[str, Queue]) -> str:
    """Return `3 for team-slack (the oldest of 12:04 UTC), 1 for mail (…)`."""
    return ", ".join(
        f"{queue.queued} for {name} (the oldest of {queue.oldest_at:%Y-%m-%d %H:%M} UTC)"
        for name, queue in sorted(left.items())
    )
