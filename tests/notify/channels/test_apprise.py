"""apprise itself, in its thread and in real time; what all channels keep is in `tests/notify/contract`."""

import asyncio
import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.notify.base import Channel
from kwatch.notify.channels import apprise
from kwatch.testing.vendors.apprise import Apprise
from tests.notify.samples import ALONE, StillClock, alert, content, delivery, notification, tools_for


@pytest.fixture
def vendor() -> Iterator[Apprise]:
    vendor = Apprise(StillClock())
    with vendor.serve():
        yield vendor


def create(url: str, folder: Path, **keys: object) -> Channel:
    (folder / "url").write_text(url)
    words = {"type": "apprise", "url": {"file": str(folder / "url")}, **keys}
    return apprise.create(apprise.Config.model_validate(words), tools_for())


@pytest.fixture
def channel(vendor: Apprise, tmp_path: Path) -> Channel:
    return create(vendor.secrets["url"], tmp_path)


async def tell(channel: Channel, kind: NotificationKind = NotificationKind.FIRING, thread: Thread = ALONE) -> Receipt:
    of = notification(content(alert(details={}), kind=kind))
    message = channel.render(of, thread, degraded=False)
    return await channel.send(message, delivery(of, message, thread))


def test_title_text_and_kind_are_told(vendor: Apprise, channel: Channel) -> None:
    assert asyncio.run(tell(channel)) == Receipt()
    asyncio.run(tell(channel, NotificationKind.RESOLVED, Thread(Receipt())))
    [firing, resolved] = vendor.documents
    assert firing == {
        "version": "1.0",
        "title": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
        "message": """\
FIRING since 14:02 UTC (12 m)
Cause Deployment/worker keeps crashing
Means The container ends soon after each start; the kubelet waits longer each time.
Next kubectl -n payments logs worker-7d9c-x2x1 --previous
Runbook https://runbooks.example.com/crash-loop
Back-off restarting failed container worker in pod worker-7d9c-x2x1
Cluster prod-eu
Severity critical
Where payments/Deployment/worker
Node n-17
Affected worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more
How often about 30 in the window of the rule, 43 in all
rule crash-loop · 7qf3zk2m""",
        "attachments": [],
        "type": "failure",
    }
    assert resolved["type"] == "success"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (302, Failure.DESTINATION),
        (400, Failure.MESSAGE),
        (401, Failure.DESTINATION),
        (404, Failure.DESTINATION),
        (413, Failure.MESSAGE),
        (429, Failure.PACE),
        (500, Failure.AMBIGUOUS),
        (503, Failure.RETRY),
    ],
)
def test_a_status_that_apprise_logs_is_the_failure(
    vendor: Apprise, channel: Channel, status: int, failure: Failure
) -> None:
    vendor.statuses.append(status)
    with pytest.raises(SendError) as raised:
        asyncio.run(tell(channel))
    assert raised.value.failure is failure
    assert vendor.documents == []


def test_what_apprise_says_is_not_in_the_log(vendor: Apprise, channel: Channel) -> None:
    root, written = logging.getLogger(), io.StringIO()  # caplog also sees what is kept from the log
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        vendor.statuses.append(401)
        with pytest.raises(SendError):
            asyncio.run(tell(channel))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "JSON" not in written.getvalue()
    assert "127.0.0.1" not in written.getvalue()


def test_no_answer_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    with pytest.raises(SendError) as raised:
        asyncio.run(tell(create("json://127.0.0.1:1/x", tmp_path)))
    assert raised.value.failure is Failure.AMBIGUOUS


def test_an_address_that_apprise_does_not_know_suspends(tmp_path: Path) -> None:
    with pytest.raises(SendError) as raised:
        asyncio.run(tell(create("nope://somewhere", tmp_path)))
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)


def test_an_attempt_that_hangs_costs_its_time_and_the_next_waits_for_its_end(vendor: Apprise, channel: Channel) -> None:
    async def hang_and_go_on() -> None:
        vendor.is_open.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await tell(channel)
        with pytest.raises(SendError) as raised:
            await tell(channel)
        assert (raised.value.failure, raised.value.detail) == (Failure.RETRY, "an earlier attempt has not ended yet")
        vendor.is_open.set()
        async with asyncio.timeout(10):
            while len(vendor.documents) < 2:
                try:
                    await tell(channel)
                except SendError:
                    await asyncio.sleep(0.01)  # until the first one has ended

    asyncio.run(hang_and_go_on())


def test_without_the_extra_the_check_says_so_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "kwatch.yaml"
    config.write_text("receivers:\n  team:\n    - {type: apprise, url: {env: HOME}}\n")
    script = "import sys; sys.modules['apprise'] = None; from kwatch.cli.program import main; main()"
    command = [sys.executable, "-c", script, "check", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        f"{config}:3:7: apprise is not installed: pip install 'kwatch-bot[apprise]'" in ended.stdout + ended.stderr
    ), ended
    assert ended.returncode != 0


@pytest.mark.parametrize(
    "keys", [{"proxy": "http://proxy.example.com:3128"}, {"ca": __file__}, {"url": "ntfy://x"}], ids=repr
)
def test_wrong_keys_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        apprise.Config.model_validate({"type": "apprise", "url": {"env": "X"}, **keys})


def test_the_next_may_begin_as_soon_as_one_has_its_result() -> None:
    one, gate, second = apprise.OneThread(), threading.Event(), Future[Future[int]]()
    first = one.submit(gate.wait)
    first.add_done_callback(lambda _: second.set_result(one.submit(lambda: 2)))  # its thread has not ended yet
    gate.set()
    assert second.result(timeout=10).result(timeout=10) == 2
