"""Traps of other tools and bad input, at every service at once: the shipped composition, to what people see there."""

import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.testing.vendors import Shown
from tests.faults.services import QUEUED, SERVICES, STATE_LIKE, Services
from tests.scenarios.plays import NOTED, Pods

#: An incident that opens at 10 s and ends at 600 s.
OPENS, ENDS = 10, 600
TOLD = [("firing", "sent", 1), ("resolved", "sent", 1)]


def incident(services: Services, *, ends: float = ENDS, until: float = 7000) -> dict[str, list[tuple[str, str, int]]]:
    """Let an incident open and end; fill in what has become of what was to be told of it."""
    pods, found = Pods(services.stage), dict[str, list[tuple[str, str, int]]]()
    pods.phase(OPENS, "a")
    pods.phase(ends, "a", "Running")

    async def look() -> None:
        found.update(await services.deliveries())

    services.stage.at(until, look)
    services.stage.run(until=until + 1)
    return found


def test_T03_T47_every_service_is_told_that_it_begins_and_that_it_ends(tmp_path: Path) -> None:
    services = Services(tmp_path)
    assert incident(services) == dict.fromkeys(SERVICES, TOLD)
    for name in SERVICES:
        assert "shop/Pod/a" in services.text(name), name
        assert "RESOLVED after 9 m" in services.text(name), name


def lost(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        lost(httpx.ConnectError("?"), socket.gaierror(-2, "unknown")),
        lost(httpx.ConnectError("?"), ssl.SSLError(1, "handshake")),
        httpx.ReadError("reset"),
    ],
    ids=["refused", "dns", "tls", "reset"],
)
def test_T28_T32_T44_what_did_not_arrive_is_no_success_and_is_sent_again(tmp_path: Path, error: Exception) -> None:
    """Three failures, then success: each service shows the incident once."""
    services = Services(tmp_path)
    for name in SERVICES:
        services.answers(name, failing_first(services, name, error))
    found = incident(services)
    firing = {name: rows[0] for name, rows in found.items()}
    assert firing == dict.fromkeys(SERVICES, ("firing", "sent", 4))
    assert {name: rows[1:] for name, rows in found.items()} == dict.fromkeys(SERVICES, TOLD[1:])
    assert {name: "RESOLVED after 9 m" in services.text(name) for name in SERVICES} == dict.fromkeys(SERVICES, True)


def failing_first(services: Services, name: str, error: Exception, times: int = 3) -> Any:
    left = [error] * times

    async def answer(request: httpx.Request) -> httpx.Response:
        if left:
            raise left.pop()
        answered: httpx.Response = await services.vendors[name].answer(request)
        return answered

    return answer


@pytest.mark.parametrize("hung", SERVICES)
def test_T24_T55_a_service_that_never_answers_delays_none_of_the_others(tmp_path: Path, hung: str) -> None:
    services = Services(tmp_path)

    async def never(_: httpx.Request) -> httpx.Response:
        await services.stage.clock.sleep(86_400)
        return httpx.Response(200)

    services.answers(hung, never)
    incident(services, until=900)
    for name in QUEUED:
        if name != hung:
            asked = [at for at, _ in services.requests[name]]
            assert asked[0] == OPENS, name
            assert any(ENDS <= at <= ENDS + 1 for at in asked), name


#: What a wrong token, a room that is not there and one that is archived are answered with.
REFUSALS = {
    "token": httpx.Response(401),
    "room": httpx.Response(404),
    "archived": httpx.Response(403),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_F22_who_refuses_everything_is_not_asked_for_ever_and_the_fallback_is_told(tmp_path: Path, why: str) -> None:
    """The message is not tried again: until the end of what it told of, each is only probed, every 15 minutes."""
    services = Services(tmp_path, spare="webhook", fallback="spare")
    primaries = [name for name in QUEUED if name != "webhook"]

    async def refuse(_: httpx.Request) -> httpx.Response:
        return REFUSALS[why]

    for name in primaries:
        services.answers(name, refuse)
    found = incident(services, ends=2000)
    assert {name: [at for at, _ in services.requests[name]] for name in primaries} == {
        name: [10.0, 910.0, 1810.0] for name in primaries
    }
    cancelled = [("firing", "cancelled", 0), ("resolved", "cancelled", 0)]
    assert {name: found[name] for name in primaries} == dict.fromkeys(primaries, cancelled)
    kinds = [document["kind"] for document in services.vendors["webhook"].documents]
    assert (kinds.count("firing"), kinds.count("resolved")) == (1, 1)
    titles = [document["message"] for document in services.vendors["webhook"].documents if document["kind"] == "meta"]
    assert sorted(title.split()[2] for title in titles if "refuses every message" in title) == primaries


@pytest.mark.parametrize("fallback", SERVICES)
def test_T08_a_fallback_is_told_the_whole_incident_of_every_other_channel(tmp_path: Path, fallback: str) -> None:
    """Each has a namespace of its own; it goes on at the fallback until it ends, and not longer."""
    services = Services(tmp_path, spare=fallback, apart=True, fallback="spare")
    primaries = [name for name in SERVICES if name != fallback]

    async def gone(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    for name in primaries:
        services.answers(name, gone)
    pods, stage, spare = Pods(services.stage), services.stage, services.vendors[fallback]
    begun: list[Shown] = []
    for name in primaries:
        pods.phase(OPENS, "a", ns=name)
        pods.phase(1200, "a", "Running", ns=name)
    stage.at(1199, lambda: begun.extend(spare.shown()))
    stage.run(until=2400)
    for name in primaries:
        (told,) = (shown for shown in begun if f"broken on {name}/Pod/a" in shown.text)
        assert not told.is_over, name
        if fallback not in STATE_LIKE:  # which is told what is so, and not how it was told first
            assert f"meant for {name}, which cannot be told" in told.text
        assert any(about(name, shown) for shown in spare.shown()), name


def about(name: str, shown: Shown) -> bool:
    """Whether it says that the problem of a namespace is over."""
    return f"{name}/Pod/a" in shown.text and (shown.is_over or "RESOLVED after" in shown.text)


HOSTILE = (
    "<!channel> @everyone <at>all</at> @[everyone](x) <https://evil.example.com|kubectl> "
    "[k](https://evil.example.com) <script>alert(1)</script><img src=x onerror=alert(1)> "
    "=?utf-8?q?hello=0D=0ABcc:_evil@example.com?=\r\nBcc: evil@example.com\x1b[31m\u202e\u2066\x00\x85"
)


def test_P11_a_megabyte_of_hostile_text_is_told_short_marked_and_inert(tmp_path: Path) -> None:
    services = Services(tmp_path, NOTED)
    services.stage.event(10, message=HOSTILE + "x" * (1 << 20))
    services.stage.run(until=300)
    for name in SERVICES:
        (shown,) = services.vendors[name].shown()
        assert not {"\x1b", "\u202e", "\u2066", "\x00", "\x85", "\r"} & set(shown.text), name
        assert "characters more" in shown.text, name
        assert (name, shown.pings) == (name, ())
        assert [link for link in shown.links if "evil" in link] == []
