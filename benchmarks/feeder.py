"""The API server of the benchmarks, in a process of its own: a fake cluster whose Events and Pods come from templates.

    python benchmarks/feeder.py [--pods N] [--events N]

`--pods` and `--events` are there from the start. It prints its URL, then what happens to its streams, and takes orders
on its standard input, one JSON object a line each way (`Order`). As a real API server does, it sends each object as one
HTTP chunk. Each Event is distinct, has about 1.2 KB, and bears in its message when it was sent: `@NANOSECONDS@`, on the
monotonic clock that all processes of a machine share.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from kwatch.clock import SystemClock
from kwatch.testing.fake import FakeCluster
from kwatch.testing.fake.load import template_of
from kwatch.testing.fake.requests import Answer, Request, answer
from kwatch.testing.fake.shapes import bookmark

NAMESPACES = 40
EVENTS, PODS = "/apis/events.k8s.io/v1/events", "/api/v1/pods"
#: Objects that are made and written at once, and how often a paced order is due for some more, in seconds.
BLOCK, TURN = 100, 0.005
#: Seconds of silence after which a stream gets a bookmark.
BOOKMARK_AFTER = 20.0
#: What most Events of a cluster say: nothing that a rule wants. Killing is what a rule of the packs looks at closer.
ORDINARY = tuple(
    (reason, kind)
    for reason, kind, share in (
        (b"Scheduled", b"Normal", 8),
        (b"Pulled", b"Normal", 9),
        (b"Created", b"Normal", 9),
        (b"Started", b"Normal", 9),
        (b"SuccessfulCreate", b"Normal", 5),
        (b"Killing", b"Normal", 1),
        (b"BackOff", b"Warning", 4),
        (b"Unhealthy", b"Warning", 4),
    )
    for _ in range(share)
)
#: One Event in fifty is a finding: it is counted into an alert.
HIT, MARK = (b"Hit", b"Warning"), (b"Mark", b"Warning")
REASONS = (*ORDINARY, HIT)


class Order(msgspec.Struct, kw_only=True):
    """`count` objects from the number `first` on, at a `rate` per second or, with None, as fast as they are taken.

    `what`: `events` (ordinary ones), `marks` (Events, each about another Pod, that a rule tells), `pods` (an update of
    each, with the label `state`). `names`: how many Event objects there are, whose counts rise; 0: each is another.
    """

    what: str
    count: int
    first: int = 0
    names: int = 0
    rate: float | None = None
    state: str = "well"


class Feeder:
    """What is sent, and to whom."""

    def __init__(self, pods: int, events: int) -> None:
        self.cluster = FakeCluster(SystemClock())
        self._pods = pods
        self._events = events
        self._orders: dict[str, asyncio.Queue[Order]] = {EVENTS: asyncio.Queue(), PODS: asyncio.Queue()}
        self._sent = 0  # Events ever
        for number in range(NAMESPACES):
            self.cluster.apply(_replica_set(f"team-{number:02d}"))
        self.cluster.store.advance(1000)
        self._pod_template = _pod_template()
        kind = self.cluster.catalog.kind("events.k8s.io", "v1", "events")
        assert kind is not None
        self._event_template = _widened(template_of(kind))
        self._kinds = {EVENTS: kind, PODS: self.cluster.catalog.kind("", "v1", "pods")}

    def feeds(self, request: Request) -> bool:
        return request.path in self._orders and request.query.get("watch") == "1"

    def take(self, order: Order) -> None:
        self._orders[PODS if order.what == "pods" else EVENTS].put_nowait(order)

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """Yield pieces of the body: what is there if that was asked for, then what is ordered."""
        path = request.path
        say(opened=path)
        if request.query.get("sendInitialEvents") == "true":
            for block in self._initial(path):
                yield block
            yield self._bookmark(path, ends_initial=True)
            say(listed=path)
        while True:
            try:
                async with asyncio.timeout(BOOKMARK_AFTER):
                    order = await self._orders[path].get()
            except TimeoutError:
                yield self._bookmark(path, ends_initial=False)
                continue
            say(began=order.what)
            async for block in self._paced(order):
                yield block
            say(done=order.what)

    def _initial(self, path: str) -> Iterator[bytes]:
        count = self._pods if path == PODS else self._events
        for start in range(0, count, BLOCK):
            numbers = range(start, min(start + BLOCK, count))
            if path == PODS:
                yield b"".join(self._pod(number, b"ADDED", b"well") for number in numbers)
            else:
                old = datetime.now(UTC) - timedelta(minutes=30)
                yield b"".join(self._event(number, REASONS[number % len(REASONS)], old) for number in numbers)

    async def _paced(self, order: Order) -> AsyncIterator[bytes]:
        began, done = time.monotonic(), 0
        while done < order.count:
            due = order.count
            if order.rate is not None:
                due = min(due, 1 + int((time.monotonic() - began) * order.rate))
            if due == done:
                await asyncio.sleep(TURN if order.rate is None else max(TURN, 1 / order.rate))
                continue
            due = min(due, done + BLOCK)
            yield b"".join(self._made(order, number) for number in range(order.first + done, order.first + due))
            done = due

    def _made(self, order: Order, number: int) -> bytes:
        if order.what == "pods":
            return self._pod(number, b"MODIFIED", order.state.encode())
        if order.what == "marks":
            return self._event(number, MARK, datetime.now(UTC))
        return self._event(number, REASONS[number % len(REASONS)], datetime.now(UTC), order.names)

    def _event(self, number: int, reason: tuple[bytes, bytes], now: datetime, names: int = 0) -> bytes:
        self._sent += 1
        line = self._event_template % {
            b"pod": number % self._pods if self._pods else 0,
            b"ns": number % self._pods % NAMESPACES if self._pods else 0,
            b"index": number % names if names else self._sent,
            b"count": 1 + number // names if names else 1,
            b"version": self._next_version(),
            b"reason": reason[0],
            b"type": reason[1],
            b"now": now.strftime("%Y-%m-%dT%H:%M:%SZ").encode(),
            b"stamp": time.monotonic_ns(),
        }
        return _chunk(line)

    def _pod(self, number: int, kind: bytes, state: bytes) -> bytes:
        values = {
            b"kind": kind,
            b"pod": number,
            b"ns": number % NAMESPACES,
            b"version": self._next_version(),
            b"state": state,
        }
        return _chunk(self._pod_template % values)

    def _next_version(self) -> int:
        store = self.cluster.store
        store.version += 1
        return store.version

    def _bookmark(self, path: str, *, ends_initial: bool) -> bytes:
        mark = bookmark(self._kinds[path], self._next_version(), ends_initial=ends_initial)
        return _chunk(msgspec.json.encode({"type": "BOOKMARK", "object": mark}) + b"\n")


def _replica_set(namespace: str) -> dict[str, object]:
    """Return the owner of the Pods of a namespace, which a Deployment owns."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cache", "uid": "d", "controller": True}
    metadata = {
        "name": "cache-56bc48689",
        "namespace": namespace,
        "uid": "82cea828-888f-4f59-a167-ef83caafa894",
        "ownerReferences": [owner],
    }
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}


def _pod_template() -> bytes:
    """Return the frame of a real, well Pod with a place for each value."""
    text = (Path(__file__).parent / "pod.json").read_text().rstrip() + "\n"
    places = (
        ("%", "%%"),
        ('"type":"MODIFIED"', '"type":"%(kind)s"'),
        ("cache-56bc48689-9msmn", "cache-56bc48689-%(pod)05x"),
        ("ec6e093289bd", "%(pod)012x"),
        ('"602"', '"%(version)d"'),
        ('"namespace":"payments"', '"namespace":"team-%(ns)02d"'),
        ('"team":"payments"', '"team":"payments","state":"%(state)s"'),
    )
    for old, new in places:
        assert old == "%" or old in text, old
        text = text.replace(old, new)
    return text.encode()


def _widened(template: bytes) -> bytes:
    """Return the load's template, about the Pods that are there, with the instant of sending in its message."""
    places = (
        (b"checkout-api-%(pod)03x", b"cache-56bc48689-%(pod)05x"),
        (b"00000000-0000-4000-9000-%(pod)012x", b"c12ae78d-8c89-4251-bb4b-%(pod)012x"),
        (b'"deprecatedCount":1', b'"deprecatedCount":%(count)d'),
        (b"occurrence %(index)d of this load", b"sent @%(stamp)d@"),
    )
    for old, new in places:
        assert old in template, old
        template = template.replace(old, new)
    return template


def _chunk(line: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(line), line)


def say(**words: str) -> None:
    """Tell the benchmark what has just happened."""
    sys.stdout.write(json.dumps({**words, "at": time.monotonic()}) + "\n")
    sys.stdout.flush()


async def serve_connection(feeder: Feeder, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until it ends."""
    try:
        while True:
            request = _request_of(await reader.readuntil(b"\r\n\r\n"))
            if feeder.feeds(request):
                await _send_stream(feeder.stream(request), writer)
            else:
                await _send_answer(await answer(feeder.cluster, request), writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _request_of(head: bytes) -> Request:
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    pairs = (line.split(": ", 1) for line in lines if line)
    headers = {name.lower(): value for name, value in pairs}
    return Request(
        method=method, path=unquote(parts.path), query=dict(parse_qsl(parts.query)), headers=headers, body=b""
    )


async def _send_answer(given: Answer, writer: asyncio.StreamWriter) -> None:
    if not isinstance(given.body, bytes):
        await _send_stream((_chunk(piece) async for piece in given.body), writer)
        return
    fields = {**given.headers, "content-length": str(len(given.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"HTTP/1.1 {given.status} -\r\n{head}\r\n".encode() + given.body)
    await writer.drain()


async def _send_stream(pieces: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    async for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def serve(pods: int, events: int) -> None:
    """Serve, and take orders until the input ends."""
    feeder = Feeder(pods, events)
    server = await asyncio.start_server(lambda r, w: serve_connection(feeder, r, w), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    say(url=f"http://{host}:{port}")
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async for line in orders:
        feeder.take(msgspec.json.decode(line, type=Order))
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve Events and Pods to a benchmark.")
    parser.add_argument("--pods", type=int, default=0)
    parser.add_argument("--events", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.pods, arguments.events))


if __name__ == "__main__":
    main()
