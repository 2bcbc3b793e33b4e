"""Matrix: events, transactions, relations; what all chats do is in `tests/notify/test_chats.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.errors import RetryableSendError
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.notify.channels.matrix import Config
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.matrix import ROOM, SERVER, Matrix
from tests.notify.chat_kit import big_facts, desk_of
from tests.notify.samples import alert, content


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("matrix", Matrix, tmp_path) as desk:
        yield desk


def bodies(desk: Desk) -> list[Any]:
    return [
        httpx.Response(200, content=request.content).json() for request in desk.wire.requests if request.method == "PUT"
    ]


def test_an_event_is_html_and_text(desk: Desk) -> None:
    receipt = desk.tell(content(alert(details={}), public_url="https://kwatch.example.com"))
    assert receipt == Receipt({"event": "$event1"})
    assert [(request.method, request.url.raw_path) for request in desk.wire.requests] == [
        ("PUT", b"/_matrix/client/v3/rooms/%21636q39766251%3Aexample.com/send/m.room.message/n7qf3-1")
    ]
    assert bodies(desk) == [
        {
            "msgtype": "m.text",
            "body": """\
🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×
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
rule crash-loop · 7qf3zk2m
https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij""",
            "format": "org.matrix.custom.html",
            "formatted_body": (
                "<strong>🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×</strong><br>"
                "FIRING since 14:02 UTC (12 m)<br>"
                "<strong>Cause</strong> Deployment/worker keeps crashing<br>"
                "<strong>Means</strong> The container ends soon after each start; "
                "the kubelet waits longer each time.<br>"
                "<strong>Next</strong> kubectl -n payments logs worker-7d9c-x2x1 --previous<br>"
                "<strong>Runbook</strong> "
                '<a href="https://runbooks.example.com/crash-loop">https://runbooks.example.com/crash-loop</a><br>'
                "<pre><code>Back-off restarting failed container worker in pod worker-7d9c-x2x1</code></pre><br>"
                "<strong>Cluster</strong> prod-eu<br>"
                "<strong>Severity</strong> critical<br>"
                "<strong>Where</strong> payments/Deployment/worker<br>"
                "<strong>Node</strong> n-17<br>"
                "<strong>Affected</strong> worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more<br>"
                "<strong>How often</strong> about 30 in the window of the rule, 43 in all<br>"
                "rule crash-loop · 7qf3zk2m<br>"
                '<a href="https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij">https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij</a>'
            ),
            "m.mentions": {},
        }
    ]


def test_an_end_replaces_the_event_and_answers_in_its_thread(desk: Desk) -> None:
    thread = Thread(desk.tell())
    desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2)
    _, edit, end = bodies(desk)
    assert edit["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$event1"}
    assert edit["body"] == f"* {edit['m.new_content']['body']}"
    assert end["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$event1",
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": "$event1"},
    }


def test_what_is_sent_again_is_the_same_event(desk: Desk) -> None:
    thread = Thread(desk.tell())

    async def lost(request: httpx.Request) -> httpx.Response:
        vendor: Any = desk.vendor
        await vendor.answer(request)
        raise httpx.ReadTimeout("silent")

    async def found(request: httpx.Request) -> httpx.Response:
        vendor: Any = desk.vendor
        answered: httpx.Response = await vendor.answer(request)
        return answered

    end = content(kind=NotificationKind.RESOLVED)
    desk.wire.faults.extend([found, found, lost])  # the last is the answer in the thread
    with pytest.raises(RetryableSendError):
        desk.tell(end, thread, sequence=2)
    desk.tell(end, thread, sequence=2)
    assert [(shown.edits, shown.thread) for shown in desk.shown] == [(1, ""), (0, "$event1")]


def test_an_event_that_the_homeserver_does_not_know_is_sent_anew(desk: Desk) -> None:
    unknown = Thread(Receipt({"event": "$another"}))
    assert desk.tell(content(kind=NotificationKind.RESOLVED), unknown, sequence=2) == Receipt({"event": "$event1"})


def test_an_edit_which_holds_its_content_twice_is_within_the_limit(desk: Desk) -> None:
    thread = Thread(desk.tell())
    alone, _ = big_facts("🔥" * 4000, kind=NotificationKind.UPDATE)
    assert desk.tell(alone, thread, sequence=2) == thread.root
    assert [shown.edits for shown in desk.shown if not shown.thread] == [1]


def test_what_is_quiet_is_a_notice(desk: Desk) -> None:
    desk.tell(content(is_quiet=True))
    assert bodies(desk)[0]["msgtype"] == "m.notice"


def test_a_user_is_mentioned_by_id(desk: Desk) -> None:
    desk.tell(channel=desk.create(mention={"critical": "@ann:example.com"}))
    assert desk.shown[0].pings == ("@ann:example.com",)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"server": SERVER, "room": ROOM, "token": "syt_x"},
        {"server": SERVER, "room": "#alerts:example.com", "token": {"env": "X"}},
        {"server": "matrix.example.com", "room": ROOM, "token": {"env": "X"}},
        {"server": SERVER, "room": ROOM, "token": {"env": "X"}, "mention": {"critical": "@ann"}},
    ],
    ids=repr,
)
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "matrix", **keys})
