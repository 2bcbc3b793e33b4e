"""Could the emitter of an Event have told us of another occurrence? The shadow of its token bucket (spec 2.3). Pure.

The core/v1 recorder of client-go lets 25 Events through per source (component and host) and object, of all reasons and
types together, then one in 300 s; what it keeps back it counts, but tells of only with the next write of the same
Event. See `getSpamKey` in https://github.com/kubernetes/client-go/blob/master/tools/record/events_cache.go. In 0.35
each type has a bucket of its own, of whose level that of both together is a lower bound. Only writes
spend tokens, and a watch shows every write, so the level is known: at least what it would be if the bucket had been
empty when the watch came into sync. A restart of the emitter and an eviction from its cache only raise the true one.

A bucket is kept as the instant at which it will be full, so that one number says all of it. One that is full again is
as good as one that was never seen, and is dropped; those that are not there are full at `floor`, which a new sync and
the loss of what does not fit into memory put off. No level is kept over a restart, which begins with a sync as well.

The events.k8s.io/v1 recorder has no bucket, but keeps a series in memory after its second occurrence: see `_over_at`.
"""

from datetime import datetime, timedelta

import msgspec

from kwatch.model.findings import Bucket, Emission
from kwatch.model.observations import KubeEvent
from kwatch.watch.normalise import KubeEventBody

BURST = 25
REFILL = 300.0  # seconds per token
#: Tokens with which another occurrence is written at once: one, and a fifth for the writes that are under way.
OBSERVABLE = 1.2
#: From an empty bucket to that level.
BLIND = timedelta(seconds=OBSERVABLE * REFILL)

_TO_FILL = BURST * REFILL
_ONWARDS = (BURST - OBSERVABLE) * REFILL

#: Series: what has not happened for so long is swept out of the recorder's memory, with a last write,
IDLE = timedelta(minutes=6)
#: by a sweep that comes no later than this after such a write.
SWEPT = timedelta(minutes=6.5)
#: All series are written each half an hour. One that was begun between a sweep and a refresh is in the next.
REFRESHED = timedelta(minutes=36)
#: What a watch shows within this time of its sync may have been written long before.
CATCHING_UP = timedelta(minutes=1)

#: The least quiet of an emitter whose rules are not known.
LEAST = timedelta(minutes=10)
#: Buckets kept, of all sources together; some 300 bytes each.
CAPACITY = 100_000


class _Heard(msgspec.Struct):
    """One watch of Events that is in sync."""

    since_at: datetime
    floor: float  # when every bucket is full that is not among
    full_at: dict[Bucket, float] = {}


def bucket_of(body: KubeEventBody) -> Bucket | None:
    """Return whose tokens a write of an Event has spent; None for a recorder without any.

    Two buckets under one name (the object's kind is left out where it has a uid) only make the level lower.
    """
    source, regarding = body.deprecated_source or body.source, body.regarding or body.involved_object
    if source is None or not source.component or regarding is None:
        return None
    return (source.component, source.host or "", regarding.uid or regarding.name or "")


class Emitters:
    """The buckets of all emitters, by the namespace of the watch that shows their writes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._heard: dict[str, _Heard] = {}
        self._forgotten = 0
        self._now: datetime | None = None
        self._at = 0.0  # the same in seconds

    def lose(self, namespace: str) -> None:
        """A watch is out of sync: writes may go unseen."""
        self._heard.pop(namespace, None)

    def regain(self, namespace: str, now: datetime) -> None:
        """A watch is in sync from now on. It may have missed any write, so every bucket counts as empty."""
        self._heard[namespace] = _Heard(now, now.timestamp() + _TO_FILL)

    def begin(self, now: datetime) -> None:
        """Keep account from now on; what was written before is not known."""
        for namespace in self._heard:
            self.regain(namespace, now)

    def jump(self, by: timedelta) -> None:
        """The clock was set: tokens come back as if it had not been."""
        for heard in self._heard.values():
            heard.since_at += by
            heard.floor += by.total_seconds()
            heard.full_at = {bucket: at + by.total_seconds() for bucket, at in heard.full_at.items()}

    def spend(self, namespace: str, bucket: Bucket, now: datetime) -> None:
        """Take a token: a write was seen. The hot path."""
        heard = self._heard.get(namespace)
        if heard is None:
            return
        if now is not self._now:  # as it is for all that came at once
            self._now, self._at = now, now.timestamp()
        at, full_at = self._at, heard.full_at
        until = full_at.get(bucket)
        if until is None:
            if len(full_at) >= self._capacity // len(self._heard):
                self._forgotten += _halve(heard, at)
            until = heard.floor
        # A write was accepted, so there was a token: no level is below zero after it.
        full_at[bucket] = min(max(until, at) + REFILL, at + _TO_FILL)

    def observable_at(self, namespace: str, bucket: Bucket | None, now: datetime) -> datetime | None:
        """Return from when on, now or later, another occurrence is written at once; None while nothing is heard."""
        heard = self._heard.get(namespace)
        if heard is None:
            return None
        if bucket is None:
            return now
        at = now.timestamp()
        wait = max(heard.full_at.get(bucket, 0.0), heard.floor) - _ONWARDS - at
        return now + timedelta(seconds=wait) if wait > 0 else now

    def emission(self, namespace: str, event: KubeEvent, bucket: Bucket | None, now: datetime) -> Emission:
        """Say what a write of an Event means for the silence after it; its token is spent already."""
        heard = self._heard.get(namespace)
        is_prompt = heard is not None and now - heard.since_at >= CATCHING_UP
        return Emission(
            emitter=event.ref.name if bucket is None else f"{bucket[0]}/{bucket[1]}",
            bucket=bucket,
            namespace=event.ref.namespace,
            told_at=now,
            observable_at=self.observable_at(namespace, bucket, now),
            over_at=_over_at(event, now, is_prompt=is_prompt),
            least=timedelta(0) if _is_of_client_go(event) else LEAST,
        )

    def sweep(self, now: datetime) -> int:
        """Drop the buckets that are full; return how many others had to be forgotten since the last time."""
        at = now.timestamp()
        for heard in self._heard.values():
            _drop(heard, max(at, heard.floor))
        forgotten, self._forgotten = self._forgotten, 0
        return forgotten


def _over_at(event: KubeEvent, now: datetime, *, is_prompt: bool) -> datetime:
    """Return when silence first says that a series is over; for what is none: now.

    A first occurrence has nothing open behind it: a second one is written at once, as a series or as a new Event. With
    that the series is open, and what comes then waits for the refresh. A write of what was idle for long is the last,
    unless the sweep is still to come: both timers start together, and drift apart by the time that their writes take.
    `is_prompt`: the write was seen as soon as it was done.
    """
    if not event.is_series:
        return now
    if is_prompt and now - event.last_at >= IDLE:
        return now + SWEPT
    return now + REFRESHED


def _is_of_client_go(event: KubeEvent) -> bool:
    """Whether its name is made as client-go does: the object's name, a dot, the time in hexadecimal digits."""
    name, _, time = event.ref.name.rpartition(".")
    return name == event.regarding.name and bool(time) and not time.strip("0123456789abcdef")


def _halve(heard: _Heard, at: float) -> int:
    """Make room: drop the full buckets, and the fuller half of the others, which `floor` then stands for."""
    _drop(heard, max(at, heard.floor))
    before = len(heard.full_at)
    if before:
        heard.floor = sorted(heard.full_at.values())[before // 2]
        _drop(heard, heard.floor)
    return before - len(heard.full_at)


def _drop(heard: _Heard, full_at: float) -> None:
    heard.full_at = {bucket: at for bucket, at in heard.full_at.items() if at > full_at}
