"""Discord: embeds, posts of a forum, buckets; what all chats do is in `tests/notify/test_chats.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.notify.channels.discord import Config
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.discord import THREAD, Discord, DiscordForum
from tests.notify.chat_kit import desk_of
from tests.notify.samples import alert, content


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("discord", Discord, tmp_path) as desk:
        yield desk


def test_an_embed_has_the_facts_beside_each_other(desk: Desk) -> None:
    desk.tell(content(alert(details={}), public_url="https://kwatch.example.com"))
    assert desk.vendor.messages[0].document == {
        "content": "",
        "embeds": [
            {
                "title": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
                "url": "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij",
                "color": 0xD92D20,
                "description": """\
FIRING since 14:02 UTC (12 m)
**Cause** Deployment/worker keeps crashing
**Means** The container ends soon after each start; the kubelet waits longer each time.
**Next** kubectl -n payments logs worker-7d9c-x2x1 --previous
**Runbook** https://runbooks.example.com/crash-loop
```
Back-off restarting failed container worker in pod worker-7d9c-x2x1
```""",
                "fields": [
                    {"name": "Cluster", "value": "prod-eu", "inline": True},
                    {"name": "Severity", "value": "critical", "inline": True},
                    {"name": "Where", "value": "payments/Deployment/worker", "inline": True},
                    {"name": "Node", "value": "n-17", "inline": True},
                    {"name": "Affected", "value": "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more", "inline": False},
                    {
                        "name": "How often",
                        "value": "about 30 in the window of the rule, 43 in all",
                        "inline": False,
                    },
                ],
                "footer": {"text": "rule crash-loop · 7qf3zk2m"},
            }
        ],
        "allowed_mentions": {"parse": [], "roles": [], "users": []},
    }


def test_the_answer_is_waited_for(desk: Desk) -> None:
    assert desk.tell() == Receipt({"message": "1300000000000000001"})
    assert desk.wire.requests[0].url.query == b"wait=true"


def test_a_message_goes_to_the_thread_that_is_asked_for(desk: Desk) -> None:
    desk.channel = desk.create(thread=THREAD)
    thread = Thread(desk.tell())
    desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2)
    assert [message.channel for message in desk.vendor.messages] == [THREAD, THREAD]
    assert [request.url.query for request in desk.wire.requests] == [
        f"wait=true&thread_id={THREAD}".encode(),
        f"thread_id={THREAD}".encode(),
        f"wait=true&thread_id={THREAD}".encode(),
    ]


def test_a_thread_that_is_not_there_suspends_the_destination(desk: Desk) -> None:
    desk.channel = desk.create(thread="7")
    with pytest.raises(PermanentSendError) as raised:
        desk.tell()
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.NOT_FOUND)


def test_in_a_forum_an_incident_is_a_post_with_its_news_below(tmp_path: Path) -> None:
    with desk_of("discord", DiscordForum, tmp_path) as desk:
        thread = Thread(desk.tell())
        desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2)
        root, end = desk.vendor.messages
    assert thread.root == Receipt({"message": root.id, "thread_id": root.id})
    assert (
        root.edits[0]["thread_name"] == "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"
    )
    assert end.channel == root.id
    assert "thread_name" not in end.document


def test_a_webhook_that_is_gone_is_not_called_again(desk: Desk) -> None:
    desk.wire.faults.append(httpx.Response(404, json={"message": "Unknown Webhook", "code": 10015}))
    with pytest.raises(PermanentSendError) as raised:
        desk.tell()
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.GONE)


def test_an_old_message_that_was_edited_too_often_is_posted_anew(desk: Desk) -> None:
    thread = Thread(desk.tell())
    desk.wire.faults.append(httpx.Response(429, json={"message": "Maximum number of edits reached", "code": 30046}))
    assert desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2) != thread.root
    assert len(desk.shown) == 2


@pytest.mark.parametrize("code", [50083, 160005])
def test_a_post_that_was_archived_or_locked_is_followed_by_another(tmp_path: Path, code: int) -> None:
    """One post of a forum says nothing of the forum."""
    with desk_of("discord", DiscordForum, tmp_path) as desk:
        thread = Thread(desk.tell())
        desk.wire.faults.append(httpx.Response(400, json={"message": "Thread is archived", "code": code}))
        assert desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2) != thread.root
        assert [shown.thread for shown in desk.shown] == ["", ""]


def test_an_empty_bucket_is_not_asked_before_it_is_full(desk: Desk) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "12.5"}
    desk.wire.faults.append(httpx.Response(200, headers=headers, json={"id": "1", "channel_id": "2"}))
    desk.tell()
    with pytest.raises(RetryableSendError) as raised:
        desk.tell(sequence=2)
    assert (raised.value.failure, raised.value.retry_after) == (Failure.PACE, 12.5)
    assert len(desk.wire.requests) == 1
    desk.run(desk.clock.sleep(12.5))
    desk.tell(sequence=2)
    assert len(desk.wire.requests) == 2


def test_what_is_quiet_makes_no_sound(desk: Desk) -> None:
    desk.tell(content(is_quiet=True))
    assert desk.vendor.messages[0].document["flags"] == 4096


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={}), httpx.Response(204)], ids=repr
)
def test_an_answer_that_names_no_message_is_in_doubt(desk: Desk, answer: httpx.Response) -> None:
    desk.wire.faults.append(answer)
    with pytest.raises(RetryableSendError) as raised:
        desk.tell()
    assert (raised.value.failure, raised.value.reason) == (Failure.AMBIGUOUS, Reason.BAD_REPLY)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"url": "https://discord.com/api/webhooks/1/x"},
        {"url": {"env": "X"}, "thread": "general"},
        {"url": {"env": "X"}, "mention": {"critical": "@everyone"}},
        {"url": {"env": "X"}, "forum": "yes"},
    ],
    ids=repr,
)
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "discord", **keys})
