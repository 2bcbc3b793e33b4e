"""T08 for what is not spoken to over the transport of the others: mail, a terminal, apprise; in real time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.clock import SystemClock
from kwatch.testing.fake import FakeCluster, FakeWire
from kwatch.testing.receivers import WebhookReceiver
from kwatch.testing.receivers import serve as receive
from kwatch.testing.vendors.apprise import Apprise
from kwatch.testing.vendors.smtp import Mailbox
from tests.scenarios.plays import BROKEN, pod
from tests.scenarios.test_real_time import living, until

#: Gives the keys of a destination, and what people read there.
Serving = tuple[dict[str, Any], Callable[[], str]]


@asynccontextmanager
async def mail(folder: Path, _: pytest.CaptureFixture[str]) -> AsyncIterator[Serving]:
    box = Mailbox(SystemClock())
    async with box.serve():
        (folder / "password").write_text(box.secrets["password"])
        keys = {"type": "smtp", **box.keys, "password": {"file": str(folder / "password")}}
        yield keys, lambda: "".join(shown.text for shown in box.shown())


@asynccontextmanager
async def apprise(folder: Path, _: pytest.CaptureFixture[str]) -> AsyncIterator[Serving]:
    service = Apprise(SystemClock())
    with service.serve():
        (folder / "url").write_text(service.secrets["url"])
        keys = {"type": "apprise", "url": {"file": str(folder / "url")}}
        yield keys, lambda: "".join(shown.text for shown in service.shown())


@asynccontextmanager
async def terminal(_: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Serving]:
    said: list[str] = []

    def read() -> str:
        said.append(capsys.readouterr().out)
        return "".join(said)

    yield {"type": "stdout"}, read


def configured(primary: dict[str, Any], fallback: dict[str, Any]) -> str:
    receivers = {"team": [{"name": "first", "fallback": "spare", **primary}], "spare": [{"name": "second", **fallback}]}
    route = "route: {receiver: team, group_by: [namespace, name], group_wait: 0s}\n"
    return f"{BROKEN}{route}receivers: {json.dumps(receivers)}\n"


MEANT = "meant for first, which cannot be told"


@pytest.mark.parametrize("fallback", [mail, apprise, terminal])
def test_T08_it_is_told_as_a_fallback_what_began_and_that_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fallback: Any
) -> None:
    async def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401)

    async def main() -> str:
        cluster = FakeCluster(SystemClock())
        async with (
            receive(refuse) as url,
            fallback(tmp_path, capsys) as (keys, read),
            living(tmp_path, configured({"type": "webhook", "url": url}, keys), FakeWire(cluster)),
        ):
            cluster.apply(pod("a", "Failed"))
            await until(lambda: MEANT in read())
            assert "RESOLVED" not in read()
            cluster.apply(pod("a", "Running"))
            await until(lambda: "RESOLVED after" in read())
            return str(read())

    said = asyncio.run(main())
    assert said.count(MEANT) == 1
    assert "broken on shop/Pod/a" in said
    assert "The destination first refuses every message (unauthorized)" in said


def test_T08_what_a_mail_server_refuses_is_told_its_fallback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> list[Any]:
        cluster, hook = FakeCluster(SystemClock()), WebhookReceiver()
        async with receive(hook.answer) as url, mail(tmp_path, capsys) as (keys, _):
            (tmp_path / "password").write_text("wrong")
            async with living(tmp_path, configured(keys, {"type": "webhook", "url": url}), FakeWire(cluster)):
                cluster.apply(pod("a", "Failed"))
                await until(lambda: len(hook.documents) == 2)
                cluster.apply(pod("a", "Running"))
                await until(lambda: len(hook.documents) == 3)
        return hook.documents

    told = asyncio.run(main())
    assert [(each["kind"], each["notes"]) for each in told] == [("meta", []), ("firing", [MEANT]), ("resolved", [])]
