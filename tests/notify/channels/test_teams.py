"""Microsoft Teams: cards, and answers that lie; what all chats do is in `tests/notify/test_chats.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, Reason, RetryableSendError
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify.channels.teams import Config
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.teams import Teams
from tests.notify.chat_kit import desk_of
from tests.notify.samples import alert, content


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("teams", Teams, tmp_path) as desk:
        yield desk


def block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}


def test_a_card_has_a_coloured_title_sentences_facts_and_buttons(desk: Desk) -> None:
    desk.tell(content(alert(details={}), public_url="https://kwatch.example.com"))
    vendor: Any = desk.vendor
    assert vendor.cards == [
        {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
                {
                    "type": "Container",
                    "style": "attention",
                    "bleed": True,
                    "items": [
                        block(
                            {
                                "text": "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
                                "size": "large",
                                "weight": "bolder",
                            }
                        )
                    ],
                },
                block({"text": "FIRING since 14:02 UTC (12 m)"}),
                block({"text": "Cause  ", "weight": "bolder"}, {"text": "Deployment/worker keeps crashing"}),
                block(
                    {"text": "Means  ", "weight": "bolder"},
                    {"text": "The container ends soon after each start; the kubelet waits longer each time."},
                ),
                block(
                    {"text": "Next  ", "weight": "bolder"},
                    {"text": "kubectl -n payments logs worker-7d9c-x2x1 --previous"},
                ),
                {
                    "type": "Container",
                    "style": "emphasis",
                    "items": [
                        block(
                            {
                                "text": "Back-off restarting failed container worker in pod worker-7d9c-x2x1",
                                "fontType": "monospace",
                            }
                        )
                    ],
                },
                {
                    "type": "FactSet",
                    "facts": [
                        {"title": "Cluster", "value": "prod-eu"},
                        {"title": "Severity", "value": "critical"},
                        {"title": "Where", "value": "payments/Deployment/worker"},
                        {"title": "Node", "value": "n-17"},
                        {"title": "Affected", "value": "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more"},
                        {"title": "How often", "value": "about 30 in the window of the rule, 43 in all"},
                    ],
                },
                block({"text": "rule crash-loop · 7qf3zk2m", "isSubtle": True, "size": "small"}),
            ],
            "actions": [
                {
                    "type": "Action.OpenUrl",
                    "title": "Details",
                    "url": "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij",
                },
                {"type": "Action.OpenUrl", "title": "Runbook", "url": "https://runbooks.example.com/crash-loop"},
            ],
            "msteams": {"width": "Full"},
        }
    ]


def test_an_end_is_a_card_of_its_own(desk: Desk) -> None:
    receipt = desk.tell()
    assert receipt == Receipt()
    desk.tell(content(kind=NotificationKind.RESOLVED), Thread(receipt), sequence=2)
    vendor: Any = desk.vendor
    assert [card["body"][0]["style"] for card in vendor.cards] == ["attention", "good"]


def test_a_message_of_many_lines_keeps_them(desk: Desk) -> None:
    desk.tell(content(alert(message="one\n\n  two\nthree", annotations={"next_step": "first\nsecond"})))
    assert "one\n  two\nthree" in desk.text
    assert "Next  first\nsecond" in desk.text


@pytest.mark.parametrize("answer", [httpx.Response(202), httpx.Response(200, text="1"), httpx.Response(200)], ids=repr)
def test_what_is_taken_is_a_success(desk: Desk, answer: httpx.Response) -> None:
    desk.wire.faults.append(answer)
    assert desk.tell() == Receipt()


def test_a_success_that_says_429_in_its_text_is_none(desk: Desk) -> None:
    said = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId"
    desk.wire.faults.append(httpx.Response(200, text=said))
    with pytest.raises(RetryableSendError) as raised:
        desk.tell()
    assert (raised.value.failure, raised.value.reason) == (Failure.PACE, Reason.RATE_LIMITED)


def test_X15_an_at_in_a_card_names_nobody(desk: Desk) -> None:
    desk.tell(content(alert(message="<at>ann</at> <AT id='1'>bob</AT>", details={"image": "<at>ann</at>"})))
    assert desk.shown[0].pings == ()
    assert "<at>ann</at> <AT id='1'>bob</AT>" in desk.text


@pytest.mark.parametrize("degraded", [False, True])
@pytest.mark.parametrize("whom", ["ann.lee@example.com", "87d349ed-44d7-43e1-9a83-5f2406dee5bd"])
def test_a_mention_is_made_when_an_incident_opens_or_rises(desk: Desk, whom: str, degraded: bool) -> None:
    channel = desk.create(mention={"critical": whom})
    desk.tell(channel=channel, degraded=degraded)
    desk.tell(content(kind=NotificationKind.REPEAT), sequence=2, channel=channel, degraded=degraded)
    desk.tell(content(alert(severity=Severity.WARNING)), sequence=3, channel=channel, degraded=degraded)
    desk.tell(content(kind=NotificationKind.UPDATE, is_raised=True), sequence=4, channel=channel, degraded=degraded)
    assert [shown.pings for shown in desk.shown] == [(whom,), (), (), (whom,)]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"url": "https://prod-42.westeurope.logic.azure.com/x?sig=y"},
        {"url": {"env": "X"}, "mention": {"critical": "@channel"}},
        {"url": {"env": "X"}, "mention": {"critical": "<at>ann@example.com</at>"}},
        {"url": {"env": "X"}, "mention": {"critical": "Ann Lee"}},
    ],
    ids=repr,
)
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "teams", **keys})
