"""Google Chat: cards and threads; what all chats do is in `tests/notify/test_chats.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.notify.channels.googlechat import Config
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.googlechat import GoogleChat
from tests.notify.chat_kit import desk_of
from tests.notify.samples import alert, content


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("googlechat", GoogleChat, tmp_path) as desk:
        yield desk


def bodies(desk: Desk) -> list[Any]:
    return [httpx.Response(200, content=request.content).json() for request in desk.wire.requests]


def paragraph(text: str) -> dict[str, Any]:
    return {"textParagraph": {"text": text}}


def fact(label: str, text: str) -> dict[str, Any]:
    return {"decoratedText": {"topLabel": label, "text": text, "wrapText": True}}


def test_a_message_is_a_card(desk: Desk) -> None:
    receipt = desk.tell(content(alert(details={}), public_url="https://kwatch.example.com"))
    assert receipt == Receipt({"thread": "n7qf3-1"})
    assert bodies(desk) == [
        {
            "fallbackText": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
            "cardsV2": [
                {
                    "cardId": "kwatch",
                    "card": {
                        "header": {
                            "title": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"
                        },
                        "sections": [
                            {
                                "widgets": [
                                    paragraph(
                                        """\
FIRING since 14:02 UTC (12 m)
<b>Cause</b> Deployment/worker keeps crashing
<b>Means</b> The container ends soon after each start; the kubelet waits longer each time.
<b>Next</b> kubectl -n payments logs worker-7d9c-x2x1 --previous
<b>Runbook</b> <a href="https://runbooks.example.com/crash-loop">https://runbooks.example.com/crash-loop</a>"""
                                    )
                                ]
                            },
                            {
                                "header": "Message",
                                "widgets": [
                                    paragraph("Back-off restarting failed container worker in pod worker-7d9c-x2x1")
                                ],
                            },
                            {
                                "widgets": [
                                    fact("Cluster", "prod-eu"),
                                    fact("Severity", "critical"),
                                    fact("Where", "payments/Deployment/worker"),
                                    fact("Node", "n-17"),
                                    fact("Affected", "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more"),
                                    fact("How often", "about 30 in the window of the rule, 43 in all"),
                                ]
                            },
                            {
                                "widgets": [
                                    paragraph("<i>rule crash-loop · 7qf3zk2m</i>"),
                                    {
                                        "buttonList": {
                                            "buttons": [
                                                {
                                                    "text": "Details",
                                                    "onClick": {
                                                        "openLink": {
                                                            "url": "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij"
                                                        }
                                                    },
                                                }
                                            ]
                                        }
                                    },
                                ]
                            },
                        ],
                    },
                }
            ],
            "thread": {"threadKey": "n7qf3-1"},
        }
    ]


def test_an_incident_is_a_thread(desk: Desk) -> None:
    thread = Thread(desk.tell())
    desk.tell(content(alert(is_new=False), kind=NotificationKind.UPDATE), thread, sequence=2)
    desk.tell(content(kind=NotificationKind.RESOLVED), thread, sequence=3)
    root, *rest = desk.shown
    assert [shown.thread for shown in rest] == [root.id, root.id]
    assert {request.url.params["messageReplyOption"] for request in desk.wire.requests} == {
        "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
    }


def test_a_mention_is_made_when_an_incident_opens_or_rises(desk: Desk) -> None:
    channel = desk.create(mention={"critical": "<users/all>"})
    thread = Thread(desk.tell(channel=channel))
    desk.tell(content(kind=NotificationKind.REPEAT), thread, sequence=2, channel=channel)
    desk.tell(content(kind=NotificationKind.UPDATE, is_raised=True), thread, sequence=3, channel=channel)
    assert [shown.pings for shown in desk.shown] == [("<users/all>",), (), ("<users/all>",)]


def test_the_key_and_the_token_stay_in_the_address(desk: Desk) -> None:
    desk.tell()
    assert list(desk.wire.requests[0].url.params) == ["key", "token", "messageReplyOption"]


def test_what_is_sent_again_is_in_the_same_thread(desk: Desk) -> None:
    desk.tell()
    desk.tell()
    assert [shown.thread for shown in desk.shown] == ["", desk.shown[0].id]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"url": "https://chat.googleapis.com/v1/spaces/A/messages?key=K&token=T"},
        {"url": {"env": "X"}, "mention": {"critical": "@all"}},
    ],
    ids=repr,
)
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "googlechat", **keys})
