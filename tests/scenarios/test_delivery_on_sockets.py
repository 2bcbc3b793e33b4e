"""Traps of other tools that are in sockets (T10, T27, T33 to T35): the shipped composition in real time."""

import asyncio
import contextlib
import gzip
import re
import ssl
import tracemalloc
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trustme

from kwatch.app import App
from kwatch.clock import SystemClock
from kwatch.errors import SendError
from kwatch.model.notifications import Delivery, DeliveryState, Thread
from kwatch.testing.fake import FakeCluster, FakeWire
from kwatch.testing.receivers import MailServer, WebhookReceiver
from kwatch.testing.receivers import serve as receive
from kwatch.testing.samples import notification
from tests.faults.wires import Behaviour, answer, channel_to, saying, server, trickle
from tests.scenarios.plays import pod
from tests.scenarios.test_real_time import DEADLINE, at_once, living, until

DEAD, SENT, WAITING = DeliveryState.DEAD, DeliveryState.SENT, DeliveryState.RETRY_WAIT


def context_for(authority: trustme.CA, folder: Path) -> ssl.SSLContext:
    """Return a server's context; its authority is in `ca.pem`."""
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def mailing(port: object, folder: Path, tls: str, *, login: bool) -> str:
    (folder / "password").write_text("s3cret")
    words = f"type: smtp, host: localhost, port: {port}, tls: {tls}, from: kwatch@example.com, to: [ann@example.com]"
    if tls != "none":
        words += f", ca: {folder / 'ca.pem'}"
    if login:
        words += f", username: kwatch, password: {{file: {folder / 'password'}}}"
    return at_once(f"    - {{{words}}}\n")


def first_lines(server: MailServer) -> list[tuple[str, str]]:
    """Return the subject and the first line of each mail."""
    mails = [message_from_bytes(each.content, EmailMessage, policy=policy.default) for each in server.mails]
    return [(str(each["Subject"]), body_of(each).partition("\n")[0].strip()) for each in mails]


def body_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


MATRIX = [("none", False), ("starttls", False), ("starttls", True), ("implicit", False), ("implicit", True)]


@pytest.mark.parametrize("quoted", [False, True], ids=["number", "text"])
@pytest.mark.parametrize(("tls", "login"), MATRIX)
def test_T10_mail_says_what_it_is_about_over_any_transport(tmp_path: Path, tls: str, login: bool, quoted: bool) -> None:
    async def main() -> MailServer:
        cluster, server = FakeCluster(SystemClock()), MailServer()
        context = context_for(trustme.CA(), tmp_path)
        ways: dict[str, Any] = {} if tls == "none" else {tls: context}
        async with server.serve(**ways, password=b"s3cret" if login else b"") as port:
            text = mailing(f'"{port}"' if quoted else port, tmp_path, tls, login=login)
            async with living(tmp_path, text, FakeWire(cluster)):
                cluster.apply(pod("a", "Failed"))
                await until(lambda: len(server.mails) == 1)
                cluster.apply(pod("a", "Running"))
                await until(lambda: len(server.mails) == 2)
        return server

    server = asyncio.run(main())
    (subject, began), (same, ended) = first_lines(server)
    assert re.fullmatch(r"\[live\] warning: broken shop/Pod/a, since \d{4}-\d\d-\d\d \d\d:\d\d UTC", subject)
    assert same == subject
    assert began.startswith("FIRING since")
    assert ended.startswith("RESOLVED after")
    assert [mail.is_private for mail in server.mails] == [tls != "none"] * 2
    assert {login[1:] for login in server.logins} == ({(b"kwatch", b"s3cret")} if login else set())


#: What a mail server refuses, and what becomes of the delivery.
REFUSED: Mapping[str, tuple[str, DeliveryState]] = {
    "HELO": ("554 5.3.2 no service", DeliveryState.QUEUED),
    "AUTH": ("535 5.7.8 wrong", DeliveryState.QUEUED),
    "MAIL": ("452 4.3.1 full", WAITING),
    "bob@example.com": ("550 5.1.1 no such user", SENT),
    "DATA": ("554 5.7.1 spam", DEAD),
    "end": ("451 4.3.0 later", WAITING),
}


@pytest.mark.parametrize("step", REFUSED)
def test_T35_what_a_mail_server_refuses_is_no_success(tmp_path: Path, step: str) -> None:
    """HELO, AUTH, one of two recipients, DATA and the answer after the final dot."""

    async def main() -> tuple[DeliveryState, list[bytes]]:
        cluster, heard = FakeCluster(SystemClock()), list[bytes]()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await converse(reader, writer, refusing=step, heard=heard)

        context = context_for(trustme.CA(), tmp_path)
        listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        text = mailing(port, tmp_path, "implicit", login=True).replace(
            "ann@example.com", "ann@example.com, bob@example.com"
        )
        async with listening, living(tmp_path, text, FakeWire(cluster)) as app:
            cluster.apply(pod("a", "Failed"))
            delivery = await settled(app)
        return delivery.state, heard

    state, heard = asyncio.run(main())
    assert state is REFUSED[step][1]
    mails = [line for line in heard if line.startswith(b"Subject:")]
    assert len(mails) == (step in ("bob@example.com", "end"))


def test_T35_a_mail_server_that_trickles_is_given_up(tmp_path: Path) -> None:
    """A byte each 100 ms: each comes in time, all of them never do."""

    async def main() -> str:
        cluster = FakeCluster(SystemClock())

        async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while not writer.is_closing():
                    writer.write(b"2")
                    await writer.drain()
                    await asyncio.sleep(0.1)
            except ConnectionError:
                pass
            finally:
                writer.close()

        listening = await asyncio.start_server(trickle, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        text = mailing(port, tmp_path, "none", login=False).replace("type: smtp", "type: smtp, timeout: 1s")
        async with listening, living(tmp_path, text, FakeWire(cluster)) as app:
            cluster.apply(pod("a", "Failed"))
            delivery = await settled(app)
        return delivery.reason

    assert asyncio.run(main()) == "timeout"


async def settled(app: App) -> Delivery:
    """Return the one delivery, once an attempt has ended and its outcome is stored."""
    async with asyncio.timeout(DEADLINE):
        while True:
            for delivery in await app.state.newest((), 1):
                if outcomes(app) and delivery.state is not DeliveryState.LEASED:
                    return delivery
            await asyncio.sleep(0.01)


def outcomes(app: App) -> Mapping[str, int]:
    """Return how the attempts to send mail have ended, by their outcome, if any has."""
    found: dict[str, int] = {}
    for (name, labels), value in app.counters.read().items():
        if name in ("attempts", "dead_letters"):
            found[dict(labels).get("outcome", "dead")] = value
    return {} if found.keys() == {"message"} else found


async def converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, refusing: str, heard: list[bytes]
) -> None:
    """Be a mail server that refuses one step."""

    async def reply(step: str, usual: str) -> bool:
        writer.write(f"{REFUSED[step][0] if step == refusing else usual}\r\n".encode())
        await writer.drain()
        return step != refusing

    await reply("greeting", "220 mail.example.com")
    while line := await reader.readline():
        word = line.split()[0].upper().decode() if line.split() else ""
        if word in ("EHLO", "HELO"):
            await reply("HELO", "250-mail.example.com\r\n250 AUTH PLAIN LOGIN")
        elif word == "AUTH":
            await reply("AUTH", "235 2.7.0 ok")
        elif word == "MAIL":
            await reply("MAIL", "250 ok")
        elif word == "RCPT":
            await reply("bob@example.com" if b"bob" in line else "ann", "250 ok")
        elif word == "DATA":
            if await reply("DATA", "354 go"):
                while (line := await reader.readline()) not in (b".\r\n", b""):
                    heard.append(line)
                await reply("end", "250 ok")
        else:
            await reply(word, "221 bye" if word == "QUIT" else "250 ok")
    writer.close()


def test_T27_T34_who_trusts_a_server_makes_nobody_else_trust_it(tmp_path: Path) -> None:
    """Two webhooks at one server of an unknown authority: that which is given the authority is told, and only it."""

    async def main() -> tuple[set[str], Mapping[str, str]]:
        cluster, hook = FakeCluster(SystemClock()), WebhookReceiver()
        async with receive(hook.answer, context_for(trustme.CA(), tmp_path)) as target:
            text = at_once(f"""\
    - {{type: webhook, name: trusting, url: "{target}/trusting", ca: {tmp_path / "ca.pem"}}}
    - {{type: webhook, name: strict, url: "{target}/strict"}}
""")
            async with living(tmp_path, text, FakeWire(cluster)) as app:
                for name in "abc":
                    cluster.apply(pod(name, "Failed"))
                await until(lambda: alerts_in(hook) == {"a", "b", "c"} and refused_by_tls(app) > 0)
                suspended = {each.destination: each.suspended for each in await app.outbox.status()}
        return {request.url.path for request in hook.requests}, suspended

    paths, suspended = asyncio.run(main())
    assert paths == {"/trusting"}
    assert suspended == {"trusting": "", "strict": "tls"}


def refused_by_tls(app: App) -> int:
    of = (("destination", "strict"), ("outcome", "destination"), ("reason", "tls"))
    return app.counters.read().get(("attempts", of), 0)


def alerts_in(hook: WebhookReceiver) -> set[str]:
    return {alert["labels"]["name"] for document in hook.documents for alert in document["alerts"]}


def bomb(status: str) -> Behaviour:
    """Answer with what unpacks to 315 MB."""
    return saying(answer(status, "Content-Encoding: gzip", body=gzip.compress(bytes(315_000_000), 1)))


#: What a server does → what becomes of the delivery, and why its destination is suspended.
BAD = {
    "bomb": (lambda: bomb("200 OK"), DeliveryState.SENT, "", ""),
    "bomb that fails": (lambda: bomb("500 Oops"), WAITING, "server", ""),
    "trickle": (lambda: trickle, WAITING, "timeout", ""),
    "redirect to metadata": (
        lambda: saying(answer("302 Found", "Location: http://169.254.169.254/latest")),
        DeliveryState.QUEUED,
        "redirect",
        "redirect",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_F13_F23_F48_a_bad_answer_is_bounded_and_means_what_it_is(tmp_path: Path, name: str) -> None:
    make, state, reason, suspended = BAD[name]

    async def main() -> tuple[DeliveryState, str, str, int]:
        cluster = FakeCluster(SystemClock())
        async with server(make()) as url:
            text = at_once(f'    - {{type: webhook, name: hook, url: "{url}", timeout: 1s}}\n')
            async with living(tmp_path, text, FakeWire(cluster)) as app:
                cluster.apply(pod("a", "Failed"))
                tracemalloc.start()
                delivery = await settled(app)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                (status,) = await app.outbox.status()
        return delivery.state, delivery.reason, status.suspended, peak

    found, why, is_suspended, peak = asyncio.run(main())
    assert (found, why, is_suspended) == (state, reason, suspended)
    assert peak < 64 << 20


def sockets() -> int:
    """Return how many sockets this process has open."""
    opened = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            opened.append(str(each.readlink()))
        except FileNotFoundError:  # what lists the folder is in it
            continue
    return sum(name.startswith("socket:") for name in opened)


def test_T33_ten_thousand_messages_leave_no_socket_open(tmp_path: Path) -> None:
    """As many sockets at the end as after the first hundred; half of the answers are errors, all have a body."""
    asked: list[str] = []

    async def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200 if len(asked) % 2 else 500, text="x" * 1000)

    async def main() -> tuple[int, int]:
        async with receive(respond) as target:
            channel = channel_to(f"{target}/hook")
            of = msgspec.structs.replace(notification(1), created_at=SystemClock().now())
            message = channel.render(of, Thread(), degraded=False)
            row = Delivery(notification=of, state=DeliveryState.LEASED, due_at=of.created_at)
            counts = []
            for number in range(10_000):
                with contextlib.suppress(SendError):
                    await channel.send(message, row)
                if number in (100, 9_999):
                    counts.append(sockets())
            await channel.close()
        return counts[0], counts[1]

    early, late = asyncio.run(main())
    assert len(asked) == 10_000
    assert late <= early
