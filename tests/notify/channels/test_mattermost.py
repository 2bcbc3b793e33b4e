"""Mattermost: attachments, threads, keys of posts; what all chats do is in `tests/notify/test_chats.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.errors import RetryableSendError
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.notify.channels.mattermost import Config
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.mattermost import CHANNEL, SERVER, Mattermost, MattermostHook
from tests.notify.chat_kit import desk_of
from tests.notify.samples import alert, content

ID = "0" * 25


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("mattermost", Mattermost, tmp_path) as desk:
        yield desk


def bodies(desk: Desk) -> list[Any]:
    return [httpx.Response(200, content=request.content).json() for request in desk.wire.requests]


def test_a_post_has_an_attachment_with_fields(desk: Desk) -> None:
    receipt = desk.tell(content(alert(details={}), public_url="https://kwatch.example.com"))
    assert receipt == Receipt({"post": f"{ID}1"})
    assert bodies(desk) == [
        {
            "channel_id": CHANNEL,
            "message": "",
            "pending_post_id": "n7qf3-1",
            "props": {
                "attachments": [
                    {
                        "fallback": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
                        "color": "#D92D20",
                        "title": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
                        "text": """\
FIRING since 14:02 UTC (12 m)
**Cause** Deployment/worker keeps crashing
**Means** The container ends soon after each start; the kubelet waits longer each time.
**Next** kubectl -n payments logs worker-7d9c-x2x1 --previous
**Runbook** https://runbooks.example.com/crash-loop
```
Back-off restarting failed container worker in pod worker-7d9c-x2x1
```
https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij""",
                        "fields": [
                            {"title": "Cluster", "value": "prod-eu", "short": True},
                            {"title": "Severity", "value": "critical", "short": True},
                            {"title": "Where", "value": "payments/Deployment/worker", "short": True},
                            {"title": "Node", "value": "n-17", "short": True},
                            {
                                "title": "Affected",
                                "value": "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more",
                                "short": False,
                            },
                            {
                                "title": "How often",
                                "value": "about 30 in the window of the rule, 43 in all",
                                "short": False,
                            },
                        ],
                        "footer": "rule crash-loop · 7qf3zk2m",
                    }
                ]
            },
        }
    ]


def test_an_end_edits_the_post_and_answers_in_its_thread(desk: Desk) -> None:
    thread = Thread(desk.tell())
    desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=2)
    assert [(request.method, request.url.path) for request in desk.wire.requests] == [
        ("POST", "/api/v4/posts"),
        ("PUT", f"/api/v4/posts/{ID}1/patch"),
        ("POST", "/api/v4/posts"),
    ]
    assert bodies(desk)[2]["root_id"] == f"{ID}1"


def test_a_post_that_may_have_arrived_is_known_again(desk: Desk) -> None:
    async def lost(request: httpx.Request) -> httpx.Response:
        vendor: Any = desk.vendor
        await vendor.answer(request)
        raise httpx.ReadTimeout("silent")

    desk.wire.faults.append(lost)
    with pytest.raises(RetryableSendError):
        desk.tell()
    assert desk.tell() == Receipt({"post": f"{ID}1"})
    assert len(desk.shown) == 1


def test_a_thread_whose_post_was_deleted_is_told_in_the_channel(desk: Desk) -> None:
    guest = Thread(desk.tell(content(kind=NotificationKind.SUMMARY)), is_own=False)
    vendor: Any = desk.vendor
    vendor.delete(f"{ID}1")
    assert desk.tell(content(), guest, sequence=2) == guest.root
    assert [shown.thread for shown in desk.shown] == [""]


def test_what_slack_would_read_in_a_webhook_is_text(tmp_path: Path) -> None:
    hostile = "<!channel> <!here> <https://evil.example.com|kubectl>"
    with desk_of("mattermost", MattermostHook, tmp_path) as desk:
        desk.tell(content(alert(rule=hostile, details={"image": hostile}, message=hostile)))
        [shown] = desk.shown
        assert (shown.pings, shown.links) == ((), ())
        assert hostile in shown.text


@pytest.mark.parametrize("keys", [{"url": {"env": "X"}}, {"server": SERVER, "token": {"env": "X"}, "channel": CHANNEL}])
def test_a_bot_edits_and_a_webhook_does_not(keys: dict[str, Any]) -> None:
    assert Config.model_validate({"type": "mattermost", **keys}).can_edit is ("server" in keys)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"url": "https://chat.example.com/hooks/x"},
        {"server": SERVER, "token": {"env": "X"}},
        {"server": SERVER, "token": {"env": "X"}, "channel": CHANNEL, "url": {"env": "X"}},
        {"server": SERVER, "token": {"env": "X"}, "channel": "town-square"},
        {"server": f"{SERVER}/", "token": {"env": "X"}, "channel": CHANNEL},
        {"url": {"env": "X"}, "mention": {"critical": "channel"}},
    ],
    ids=repr,
)
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "mattermost", **keys})
