"""The real wire against a real server on this machine."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trustme
from aiohttp import web

from kwatch.clock import SystemClock
from kwatch.cluster.credentials import Access, Credentials, Reading
from kwatch.cluster.http import AiohttpWire
from kwatch.errors import ClusterError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Tokens:
    """A reader whose n-th reading has the token `t<n>`."""

    name = "test"

    def __init__(
        self, server: str, tls: ssl.SSLContext | None = None, tls_server_name: str = "", only: int = 99
    ) -> None:
        self.count = 0
        self._server = server
        self._tls = tls
        self._tls_server_name = tls_server_name
        self._only = only

    async def read(self, refused: Access | None) -> Reading:
        self.count = min(self.count + 1, self._only)
        access = Access(
            server=self._server,
            authorization=f"Bearer t{self.count}",
            tls=self._tls,
            tls_server_name=self._tls_server_name,
        )
        return Reading(access, None)


@contextlib.asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a server and give its URL."""
    server = web.Server(answer)
    runner = web.ServerRunner(server, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def wired(answer: Answer, only: int = 99) -> AsyncIterator[AiohttpWire]:
    async with serving(answer) as url:
        wire = AiohttpWire(Credentials(Tokens(url, only=only), SystemClock()))
        try:
            yield wire
        finally:
            await wire.close()


def test_a_request_goes_out_as_asked() -> None:
    async def answer(request: web.Request) -> web.Response:
        query, accept = dict(request.query), request.headers["Accept"]
        return web.json_response([request.method, request.path, query, accept, request.headers["Authorization"]])

    async def main() -> bytes:
        async with (
            wired(answer) as wire,
            wire.request(
                "GET",
                "/api/v1/pods",
                query={"continue": "a+b/c=", "limit": "500"},
                headers={"Accept": "application/json;as=X"},
            ) as response,
        ):
            assert response.status == 200
            assert response.headers["content-type"] == "application/json; charset=utf-8"
            return await response.read()

    assert asyncio.run(main()) == (
        b'["GET", "/api/v1/pods", {"continue": "a+b/c=", "limit": "500"}, "application/json;as=X", "Bearer t1"]'
    )


def test_P4_a_401_is_answered_once_with_new_credentials() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.headers["Authorization"] == "Bearer t2" else 401)

    async def main(only: int) -> int:
        async with wired(answer, only) as wire, wire.request("GET", "/") as response:
            return response.status

    assert asyncio.run(main(only=99)) == 200
    assert asyncio.run(main(only=1)) == 401


def test_pieces_come_as_they_are_sent_and_end_with_the_body() -> None:
    arrived = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        await arrived.wait()
        await response.write(b"two\n")
        return response

    async def main() -> list[bytes]:
        pieces = []
        async with wired(answer) as wire, wire.request("GET", "/", timeout=None) as response:
            async for piece in response.chunks():
                pieces.append(piece)
                arrived.set()
        return pieces

    assert asyncio.run(main()) == [b"one\n", b"two\n"]


def test_a_compressed_body_comes_decompressed_and_bounded() -> None:
    async def answer(request: web.Request) -> web.Response:
        response = web.Response(body=b"0" * 1_000_000)
        response.enable_compression()
        return response

    async def main(limit: int) -> int:
        async with wired(answer) as wire, wire.request("GET", "/", headers={"Accept-Encoding": "gzip"}) as response:
            return len(await response.read(limit))

    assert asyncio.run(main(1_000_000)) == 1_000_000
    with pytest.raises(ClusterError, match="more than 999999 bytes"):
        asyncio.run(main(999_999))


def test_P1_silence_is_a_timeout_before_and_inside_a_body() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.path == "/inside":
            await response.prepare(request)
            await response.write(b"one\n")
        await asyncio.Event().wait()
        return response

    async def main(path: str) -> None:
        async with wired(answer) as wire, wire.request("GET", path, timeout=None, read_timeout=0.05) as response:
            async for _ in response.chunks():
                pass

    for path in ("/before", "/inside"):
        with pytest.raises(TimeoutError):
            asyncio.run(main(path))


def test_a_body_that_breaks_off_is_an_error() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def main() -> None:
        async with wired(answer) as wire, wire.request("GET", "/", timeout=None) as response:
            async for _ in response.chunks():
                pass

    with pytest.raises(ClusterError):
        asyncio.run(main())


def test_no_server_is_an_error() -> None:
    async def main() -> None:
        wire = AiohttpWire(Credentials(Tokens("https://127.0.0.1:1", ssl.create_default_context()), SystemClock()))
        try:
            async with wire.request("GET", "/"):
                pass
        finally:
            await wire.close()

    with pytest.raises(
        ClusterError,
        match=r"^no connection to the API server 127\.0\.0\.1:1: Connect call failed \('127\.0\.0\.1', 1\)$",
    ):
        asyncio.run(main())


def test_a_redirect_is_an_answer_and_no_token_follows_it() -> None:
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async def main() -> int:
        async with wired(answer) as wire, wire.request("GET", "/") as response:
            return response.status

    assert asyncio.run(main()) == 302
    assert seen == ["/"]


def test_a_server_behind_another_name_is_verified_by_tls_server_name() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("kube.internal").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"ok")

    async def main(name: str) -> bytes:
        async with serving(answer, server) as url:
            wire = AiohttpWire(Credentials(Tokens(url, client, name), SystemClock()))
            try:
                async with wire.request("GET", "/") as response:
                    return await response.read()
            finally:
                await wire.close()

    assert asyncio.run(main("kube.internal")) == b"ok"
    with pytest.raises(ClusterError):
        asyncio.run(main(""))
