"""Client certificates (mTLS), over real sockets: shown, renewed, refused."""

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from kwatch.errors import Failure, Reason, SendError
from kwatch.notify.base import Channel
from kwatch.notify.channels import webhook
from kwatch.notify.http import system_transport
from kwatch.testing.receivers import WebhookReceiver, serve
from tests.notify.samples import ALONE, delivery, notification, tools_for


def write_identity(authority: trustme.CA, folder: Path, name: str) -> None:
    """Write what a destination's `cert` and `key` name."""
    issued = authority.issue_cert(f"{name}@example.com")
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


def asking(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server that asks each client for a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def identity(folder: Path) -> dict[str, Any]:
    return {"cert": folder / "cert.pem", "key": folder / "key.pem"}


def create(url: str, folder: Path, **keys: Any) -> Channel:
    config = webhook.Config.model_validate({"type": "webhook", "url": url, "ca": folder / "ca.pem", **keys})
    return webhook.create(config, dataclasses.replace(tools_for(), transport=system_transport))


async def tell(channel: Channel) -> None:
    message = channel.render(notification(), ALONE, degraded=False)
    try:
        await channel.send(message, delivery(notification(), message))
    finally:
        await channel.close()


def test_a_server_that_asks_for_a_certificate_gets_ours(authority: trustme.CA, tmp_path: Path) -> None:
    write_identity(authority, tmp_path, "kwatch")
    receiver = WebhookReceiver()

    async def run() -> None:
        async with serve(receiver.answer, asking(authority)) as url:
            await tell(create(url, tmp_path, **identity(tmp_path)))

    asyncio.run(run())
    assert len(receiver.requests) == 1


def test_a_server_that_asks_for_a_certificate_takes_nothing_without(authority: trustme.CA, tmp_path: Path) -> None:
    receiver = WebhookReceiver()

    async def run() -> None:
        async with serve(receiver.answer, asking(authority)) as url:
            with pytest.raises(SendError):  # TLS 1.3 lets the server hang up without a word
                await tell(create(url, tmp_path))

    asyncio.run(run())
    assert receiver.requests == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_T27_a_server_that_says_that_it_wants_a_certificate_suspends_the_destination(
    authority: trustme.CA, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 it says so when the handshake is over for us, and the request sent."""
    context = asking(authority)
    context.maximum_version = version
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up, args=(listener, context))
        thread.start()
        with pytest.raises(SendError) as raised:
            asyncio.run(tell(create(f"https://localhost:{listener.getsockname()[1]}", tmp_path)))
        thread.join()
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.TLS)


def hang_up(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands with one client that shows no certificate, as servers in C and Go do: with an alert."""
    accepted, _ = listener.accept()
    with context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as connection:
        with contextlib.suppress(ssl.SSLError):
            connection.do_handshake()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


def test_a_renewed_certificate_is_used_without_a_restart(authority: trustme.CA, tmp_path: Path) -> None:
    write_identity(trustme.CA(), tmp_path, "unknown-authority")
    receiver = WebhookReceiver()

    async def run() -> None:
        async with serve(receiver.answer, asking(authority)) as url:
            channel = create(url, tmp_path, **identity(tmp_path))
            message = channel.render(notification(), ALONE, degraded=False)
            with pytest.raises(SendError):
                await channel.send(message, delivery(notification(), message))
            write_identity(authority, tmp_path, "kwatch")
            await tell(channel)

    asyncio.run(run())
    assert len(receiver.requests) == 1


def test_a_certificate_that_is_gone_suspends_the_destination(authority: trustme.CA, tmp_path: Path) -> None:
    write_identity(authority, tmp_path, "kwatch")
    channel = create("https://localhost:1", tmp_path, **identity(tmp_path))
    (tmp_path / "key.pem").unlink()
    with pytest.raises(SendError) as raised:
        asyncio.run(tell(channel))
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)


@pytest.mark.parametrize("broken", ["ca.pem", "cert.pem", "key.pem"])
def test_files_that_are_of_no_use_are_refused_at_load(authority: trustme.CA, tmp_path: Path, broken: str) -> None:
    write_identity(authority, tmp_path, "kwatch")
    (tmp_path / broken).write_text("no PEM")
    with pytest.raises(ValidationError, match="the key that of the certificate"):
        create("https://localhost:1", tmp_path, **identity(tmp_path))


def test_the_key_of_another_certificate_is_refused_at_load(authority: trustme.CA, tmp_path: Path) -> None:
    write_identity(authority, tmp_path, "kwatch")
    (tmp_path / "key.pem").write_bytes(authority.issue_cert("other@example.com").private_key_pem.bytes())
    with pytest.raises(ValidationError, match="the key that of the certificate"):
        create("https://localhost:1", tmp_path, **identity(tmp_path))


def test_cert_and_key_go_together(authority: trustme.CA, tmp_path: Path) -> None:
    write_identity(authority, tmp_path, "kwatch")
    with pytest.raises(ValidationError, match="cert and key go together"):
        create("https://localhost:1", tmp_path, cert=tmp_path / "cert.pem")
