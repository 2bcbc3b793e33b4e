"""A load of Events: `python -m kwatch.testing.fake.load --events N [--rate R] [--port N]`, in a process of its own.

Every Event is distinct and about 1.2 KB as it stands in the stream. They are sent to whoever watches Events at either
API, from the version that was asked for on, as fast as the socket takes them or at a rate. Prints a kubeconfig's path.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from kwatch.clock import SystemClock
from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.faults import Frames, silence
from kwatch.testing.fake.lists import ListOptions
from kwatch.testing.fake.objects import timestamp
from kwatch.testing.fake.recording import CORE_EVENTS, NEW_EVENTS
from kwatch.testing.fake.server import serve, write_kubeconfig
from kwatch.testing.fake.shapes import as_served, bookmark, core_event

#: Events per block at most; a block is one chunk on the wire.
BLOCK = 200
BLOCKS_PER_SECOND = 100
NAMESPACES = 40
PODS = 997
REASONS = (
    (b"BackOff", b"Warning"),
    (b"Pulled", b"Normal"),
    (b"Created", b"Normal"),
    (b"Started", b"Normal"),
    (b"Unhealthy", b"Warning"),
    (b"FailedScheduling", b"Warning"),
    (b"FailedMount", b"Warning"),
    (b"Killing", b"Normal"),
    (b"SuccessfulCreate", b"Normal"),
    (b"Scheduled", b"Normal"),
)
_FIELDS = ("count", "firstTimestamp", "involvedObject", "lastTimestamp", "message", "reason", "source", "type")


class Load:
    """`events` distinct Events in a cluster, after what is there now. `rate`: per second; None: without a brake."""

    def __init__(self, cluster: FakeCluster, *, events: int, rate: float | None) -> None:
        self._cluster, self._events, self._rate = cluster, events, rate
        self._base = cluster.store.version
        self._block = BLOCK if rate is None else max(1, min(BLOCK, int(rate / BLOCKS_PER_SECOND)))

    def attach(self) -> None:
        """Feed the watches of Events everywhere, at both APIs."""
        self._cluster.streams[CORE_EVENTS] = self._frames
        self._cluster.streams[NEW_EVENTS] = self._frames

    async def _frames(self, kind: Kind, options: ListOptions) -> Frames:
        if options.sends_initial and options.bookmarks:
            mark = bookmark(kind, self._base, ends_initial=True)
            yield msgspec.json.encode({"type": "BOOKMARK", "object": mark}) + b"\n"
        first = max(0, int(options.version or 0) - self._base)
        template, clock = template_of(kind), self._cluster.clock
        began = clock.monotonic()
        for start in range(first, self._events, self._block):
            if self._rate is not None:
                await clock.sleep(began + (start - first) / self._rate - clock.monotonic())
            end = min(start + self._block, self._events)
            self._cluster.store.advance(self._base + end)
            yield self.block(template, start, end)
        await silence()

    def block(self, template: bytes, start: int, end: int) -> bytes:
        """Return the frames of the Events with the indexes from `start` to before `end`."""
        now = timestamp(self._cluster.clock.now()).encode()
        return b"".join(_frame(template, self._base + 1 + index, index, now) for index in range(start, end))


def template_of(kind: Kind) -> bytes:
    """Return one frame with a place for each value, in the order in which `_frame` fills them."""
    managed: dict[str, Any] = {f"f:{field}": {} for field in _FIELDS}
    event = {
        "metadata": {
            "name": "checkout-api-%(pod)03x.%(index)016x",
            "namespace": "team-%(ns)02d",
            "uid": "00000000-0000-4000-8000-%(index)012x",
            "resourceVersion": "%(version)d",
            "creationTimestamp": "%(now)s",
            "managedFields": [
                {
                    "manager": "kubelet",
                    "operation": "Update",
                    "apiVersion": "v1",
                    "time": "%(now)s",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {**managed, "f:reportingComponent": {}, "f:reportingInstance": {}},
                }
            ],
        },
        "involvedObject": {
            "kind": "Pod",
            "namespace": "team-%(ns)02d",
            "name": "checkout-api-%(pod)03x",
            "uid": "00000000-0000-4000-9000-%(pod)012x",
            "apiVersion": "v1",
            "resourceVersion": "899000000",
            "fieldPath": "spec.containers{api}",
        },
        "reason": "%(reason)s",
        "message": "container api of checkout-api-%(pod)03x_team-%(ns)02d, occurrence %(index)d of this load",
        "source": {"component": "kubelet", "host": "ip-10-0-0-1.ec2.internal"},
        "firstTimestamp": "%(now)s",
        "lastTimestamp": "%(now)s",
        "count": 1,
        "type": "%(type)s",
        "eventTime": None,
        "reportingComponent": "kubelet",
        "reportingInstance": "ip-10-0-0-1.ec2.internal",
    }
    served = as_served(kind, core_event(event))
    return json.dumps({"type": "ADDED", "object": served}, separators=(",", ":")).encode() + b"\n"


def _frame(template: bytes, version: int, index: int, now: bytes) -> bytes:
    reason, kind = REASONS[index % len(REASONS)]
    values: dict[bytes, int | bytes] = {
        b"pod": index % PODS,
        b"ns": index % NAMESPACES,
        b"index": index,
        b"version": version,
        b"reason": reason,
        b"type": kind,
        b"now": now,
    }
    return template % values


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m kwatch.testing.fake.load", description="Serve a load of Events.")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--rate", type=float, help="Events per second; default: as fast as they are taken")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.exit(130)


async def _serve(arguments: argparse.Namespace) -> None:
    cluster = FakeCluster(SystemClock())
    Load(cluster, events=arguments.events, rate=arguments.rate).attach()
    with tempfile.TemporaryDirectory(prefix="kwatch-load-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        async with serve(cluster, port=arguments.port) as url:
            write_kubeconfig(kubeconfig, url)
            sys.stdout.write(f"{kubeconfig}\n")
            sys.stdout.flush()
            await silence()


if __name__ == "__main__":
    main()
