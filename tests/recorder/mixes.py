"""Random mixes: reasons about one object, each with a rate, jitter, texts and a time at which it really stops."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.recorder.recorder import CACHE, CoreRecorder, Frame, SeriesRecorder, Server

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = 3600.0
ABOUT = {"kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "5f1c", "apiVersion": "v1"}
#: Nothing happens any more after this, and every silence has had its time.
STOPPED, OVER = 4 * HOUR, 7 * HOUR


@dataclass(frozen=True)
class Mix:
    """What a watch shows of it, and the truth. `breaks`: when a watch is broken, and lists at the end."""

    frames: tuple[Frame, ...]
    occurrences: dict[str, list[float]]
    quiet: timedelta
    synced_at: float  # before zero
    breaks: tuple[tuple[float, float], ...]


@dataclass
class _Reason:
    name: str
    recorder: CoreRecorder | SeriesRecorder
    period: float
    jitter: float
    texts: int
    begin: float
    end: float
    happened: list[float] = field(default_factory=list)

    def times(self, rng: random.Random) -> Iterator[float]:
        at = self.begin
        while at < self.end:
            yield at
            at += self.period * rng.uniform(1 - self.jitter, 1 + self.jitter)


def instant(seconds: float, is_exact: bool) -> str:
    """Return a time as the API writes it: core/v1 to the second."""
    at = START + timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if is_exact else "%Y-%m-%dT%H:%M:%SZ")


def mix(seed: int) -> Mix:
    """Return a mix; the same of the same seed."""
    rng = random.Random(seed)
    server = Server(instant)
    kubelet = CoreRecorder(server, "kubelet", "node-1", size=rng.choice((CACHE, CACHE, 3)))
    scheduler = SeriesRecorder(server, "scheduler", phase=-rng.uniform(0, 1800), drift=rng.uniform(0, 0.5))
    reasons = [_reason(f"Reason{n}", kubelet, rng) for n in range(rng.randint(1, 4))]
    reasons += [_reason(f"Series{n}", scheduler, rng) for n in range(rng.randint(0, 2))]
    happening = sorted((at, n) for n, reason in enumerate(reasons) for at in reason.times(rng))
    for at, n in happening:
        reason = reasons[n]
        scheduler.wake(at)
        reason.happened.append(at)
        reason.recorder.occur(at, ABOUT, reason.name, f"text {rng.randrange(reason.texts)}")
    scheduler.wake(OVER)
    server.expire(OVER)
    return Mix(
        frames=tuple(sorted(server.frames, key=lambda frame: frame.at)),
        occurrences={reason.name: reason.happened for reason in reasons},
        quiet=timedelta(seconds=rng.choice((120, 360, 660))),
        synced_at=-rng.choice((1.0, 600.0, 7500.0)),
        breaks=tuple(_breaks(rng)),
    )


def _reason(name: str, recorder: CoreRecorder | SeriesRecorder, rng: random.Random) -> _Reason:
    begin = rng.uniform(0, HOUR)
    return _Reason(
        name=name,
        recorder=recorder,
        period=10.0 * 90 ** rng.random(),  # 10 s to 15 min
        jitter=rng.choice((0.01, 0.1, 0.2, 0.9)),
        texts=rng.choice((1, 1, 1, 3, 40)),
        begin=begin,
        end=min(STOPPED, begin + HOUR * rng.choice((0.05, 0.5, 1, 2, 3))),
    )


def _breaks(rng: random.Random) -> Iterator[tuple[float, float]]:
    if rng.random() < 0.3:
        begin = rng.uniform(0, STOPPED)
        yield begin, begin + rng.choice((1.0, 60.0, 900.0))
