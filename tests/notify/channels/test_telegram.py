"""Telegram: HTML, replies, topics, groups that move; what all chats do is in `tests/notify/test_chats.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.errors import SendError
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.notify.channels.telegram import Config
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.telegram import CHAT, TOKEN, TOPIC, Telegram
from tests.notify.chat_kit import desk_of
from tests.notify.samples import alert, content


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("telegram", Telegram, tmp_path) as desk:
        yield desk


def sent(desk: Desk) -> list[Any]:
    vendor: Any = desk.vendor
    return [message.payload for message in vendor.messages]


def test_a_message_is_html(desk: Desk) -> None:
    receipt = desk.tell(content(alert(details={}), public_url="https://kwatch.example.com"))
    assert receipt == Receipt({"chat": "-1001234567890", "message": "1"})
    assert sent(desk) == [
        {
            "chat_id": "-1001234567890",
            "text": """\
<b>🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×</b>
FIRING since 14:02 UTC (12 m)
<b>Cause</b> Deployment/worker keeps crashing
<b>Means</b> The container ends soon after each start; the kubelet waits longer each time.
<b>Next</b> kubectl -n payments logs worker-7d9c-x2x1 --previous
<b>Runbook</b> https://runbooks.example.com/crash-loop
<pre>Back-off restarting failed container worker in pod worker-7d9c-x2x1</pre>
<b>Cluster</b> prod-eu
<b>Severity</b> critical
<b>Where</b> payments/Deployment/worker
<b>Node</b> n-17
<b>Affected</b> worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more
<b>How often</b> about 30 in the window of the rule, 43 in all
rule crash-loop · 7qf3zk2m
https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij""",
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
    ]


def test_an_end_replies_to_the_message_that_is_edited(desk: Desk) -> None:
    thread = Thread(desk.tell())
    desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2)
    assert [request.url.path.rpartition("/")[2] for request in desk.wire.requests] == [
        "sendMessage",
        "editMessageText",
        "sendMessage",
    ]
    assert sent(desk)[1]["reply_parameters"] == {"message_id": 1, "allow_sending_without_reply": True}


def test_a_message_that_says_so_already_is_a_success(desk: Desk) -> None:
    thread = Thread(desk.tell())
    desk.tell(content(alert(is_new=False), kind=NotificationKind.UPDATE), thread, sequence=2)
    assert [shown.edits for shown in desk.shown] == [0]


def test_a_topic_is_told_in_every_message(desk: Desk) -> None:
    channel = desk.create(topic=TOPIC)
    thread = Thread(desk.tell(channel=channel))
    desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2, channel=channel)
    assert [payload["message_thread_id"] for payload in sent(desk)] == [7, 7]


def test_a_group_that_has_become_a_supergroup_is_told_under_its_new_id(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    vendor: Any = desk.vendor
    thread = Thread(desk.tell())
    vendor.move(-1009999999999)
    receipt = desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2)
    assert receipt == Receipt({"chat": "-1009999999999", "message": "2"})
    assert len(desk.shown) == 1
    assert [(record.levelname, record.chat) for record in caplog.records] == [("WARNING", -1009999999999)]  # type: ignore[attr-defined]
    asked = len(desk.wire.requests)
    desk.tell(sequence=3)
    assert len(desk.wire.requests) == asked + 1


def test_a_reply_to_what_was_deleted_stands_for_itself(desk: Desk) -> None:
    guest = Thread(desk.tell(content(kind=NotificationKind.SUMMARY)), is_own=False)
    vendor: Any = desk.vendor
    vendor.delete("1")
    desk.tell(content(), guest, sequence=2)
    assert [shown.thread for shown in desk.shown] == [""]


def test_what_is_quiet_makes_no_sound(desk: Desk) -> None:
    desk.tell(content(is_quiet=True))
    assert sent(desk)[0]["disable_notification"] is True


def test_X11_the_token_of_the_path_is_in_no_error(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    faults = [httpx.Response(401, text=TOKEN), httpx.ConnectError(f"no way to /bot{TOKEN}"), httpx.Response(502)]
    desk.wire.faults.extend(faults)
    for _ in faults:
        with pytest.raises(SendError) as raised:
            desk.tell()
        assert TOKEN not in repr(raised.value) + str(raised.value.__cause__)
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("chat", [CHAT, "-1001234567890", "@kwatch_alerts", 42])
def test_chats_are_ids_or_names(chat: object) -> None:
    assert Config.model_validate({"type": "telegram", "token": {"env": "X"}, "chat": chat}).chat == str(chat)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"token": "110201543:AAH", "chat": 1},
        {"token": {"env": "X"}, "chat": "alerts"},
        {"token": {"env": "X"}, "chat": 1, "topic": 0},
        {"token": {"env": "X"}, "chat": 1, "topic": "7"},
        {"token": {"env": "X"}, "chat": 1, "api_url": "api.telegram.org"},
        {"token": {"env": "X"}, "chat": 1, "api_url": "https://api.telegram.org/"},
    ],
    ids=repr,
)
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "telegram", **keys})
