"""The server on a real socket, in the caller's loop."""

import asyncio
import http.client
import signal
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kwatch.errors import ListenError
from kwatch.web import address
from kwatch.web.routes import create_app
from kwatch.web.server import listen, serve, url_of
from tests.web.boards import FixedBoard, FixedControl


def fetch(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_it_serves_on_a_free_port_until_it_is_cancelled(host: str) -> None:
    async def visit() -> tuple[int, int]:
        listener = listen(host, 0)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve(create_app(FixedBoard(), FixedControl()), listener))
            status = await asyncio.to_thread(fetch, url_of(listener))
            serving.cancel()
        return status, listener.fileno()

    assert asyncio.run(visit()) == (200, -1)


def test_signals_stay_with_the_process() -> None:
    """uvicorn would take SIGTERM for itself, and the outbox would not be drained."""

    async def visit() -> None:
        before = signal.getsignal(signal.SIGTERM)
        listener = listen("127.0.0.1", 0)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve(create_app(FixedBoard(), FixedControl()), listener))
            await asyncio.to_thread(fetch, url_of(listener))
            assert signal.getsignal(signal.SIGTERM) is before
            serving.cancel()

    asyncio.run(visit())


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError) as raised:
            listen("127.0.0.1", port)
    assert str(raised.value) == f"cannot listen on 127.0.0.1:{port}: the port is in use by another program"


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ListenError, match="this machine does not have that address"):
        listen("192.0.2.1", 8080)


def test_the_url_of_a_wildcard_is_on_this_machine() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_the_address_is_found_until_it_is_withdrawn(tmp_path: Path) -> None:
    assert address.find(tmp_path) is None
    address.publish(tmp_path, "http://127.0.0.1:8080/")
    assert address.find(tmp_path) == "http://127.0.0.1:8080/"
    assert stat.S_IMODE((tmp_path / "address").stat().st_mode) == 0o600
    address.withdraw(tmp_path)
    assert address.find(tmp_path) is None
