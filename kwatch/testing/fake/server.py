"""The fake cluster behind a real socket: aiohttp around the same `answer`, in real time."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.faults import ConnectionDroppedError, Frames
from kwatch.testing.fake.requests import Answer, Request, answer

#: Bodies above this many bytes are compressed for clients that accept it, as by the API server.
GZIP_ABOVE = 128 << 10
#: Largest body that a client may send; the API server's own limit for an object.
BODY_LIMIT = 3 << 20


@dataclass(frozen=True, slots=True)
class Tls:
    """How to serve TLS, and the certificate authority's file that clients are told to trust."""

    context: ssl.SSLContext
    authority: Path


@asynccontextmanager
async def serve(
    cluster: FakeCluster, *, host: str = "127.0.0.1", port: int = 0, tls: Tls | None = None
) -> AsyncIterator[str]:
    """Serve the cluster while the context is open; give its URL. Port 0: any free one."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handle(cluster, request)

    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls.context if tls else None).start()
        bound = runner.addresses[0]
        yield f"{'https' if tls else 'http'}://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()


def write_kubeconfig(path: Path, url: str, *, token: str = "", tls: Tls | None = None) -> None:
    """Write a kubeconfig with one context, named `fake`."""
    cluster = {"server": url} | ({"certificate-authority": str(tls.authority)} if tls else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": cluster}],
        "users": [{"name": "fake", "user": {"token": token} if token else {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
    }
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")


async def _handle(cluster: FakeCluster, request: web.Request) -> web.StreamResponse:
    asked = Request(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
    )
    try:
        given = await answer(cluster, asked)
        if isinstance(given.body, bytes):
            return _whole(given, given.body, accepts_gzip="gzip" in asked.headers.get("accept-encoding", ""))
        return await _streamed(request, given, given.body)
    except ConnectionDroppedError:
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError from None  # nobody is left to be answered
    except ConnectionError:  # the client has gone, as one that is killed does
        raise asyncio.CancelledError from None


def _whole(given: Answer, body: bytes, *, accepts_gzip: bool) -> web.Response:
    headers = dict(given.headers)
    if accepts_gzip and len(body) > GZIP_ABOVE:
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1)
    return web.Response(status=given.status, body=body, headers=headers)


async def _streamed(request: web.Request, given: Answer, body: Frames) -> web.StreamResponse:
    response = web.StreamResponse(status=given.status, headers=dict(given.headers))
    response.enable_chunked_encoding()
    await response.prepare(request)
    async with aclosing(body) as pieces:
        async for piece in pieces:
            await response.write(piece)
    await response.write_eof()
    return response
