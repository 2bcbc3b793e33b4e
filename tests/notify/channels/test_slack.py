"""Slack: how an incident looks there, whom it calls, and which configuration is refused; the rest is the contract's."""

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kwatch.clock import SystemClock
from kwatch.errors import Failure, PermanentSendError, Reason
from kwatch.model.notifications import NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify.channels import slack
from kwatch.notify.http import system_transport
from kwatch.testing.contract import Desk, Suite
from kwatch.testing.receivers import serve
from kwatch.testing.vendors.slack import Posted, Slack, SlackWebhook
from tests.notify.samples import ALONE, alert, content, delivery, notification, tools_for

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


@contextmanager
def desk_at(vendor: type[Slack], folder: Path) -> Iterator[Desk]:
    with Desk(slack, vendor, folder, Suite().reach) as desk:
        yield desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_at(Slack, tmp_path) as desk:
        yield desk


@pytest.fixture
def server(desk: Desk) -> Slack:
    assert isinstance(desk.vendor, Slack)
    return desk.vendor


def heading(message: Posted) -> str:
    return str(message.blocks[0]["text"]["text"])


def test_an_incident_is_one_message_and_its_thread(server: Slack, desk: Desk) -> None:
    receipt = desk.tell(content())
    thread = Thread(receipt)
    grown = content(alert(is_new=False), alert(rule="oom-kill", fingerprint="f2"), kind=UPDATE)
    assert desk.tell(grown, thread, sequence=2) == receipt
    assert desk.tell(content(kind=NotificationKind.REPEAT), thread, sequence=3) == receipt
    assert desk.tell(content(kind=RESOLVED), thread, sequence=4) == receipt

    assert receipt == Receipt({"channel": "C042", "ts": "1772374440.000001"})
    [root] = server.roots()
    assert [heading(edit) for edit in root.edits] == [
        "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
        "🔴 CRITICAL · crash-loop, oom-kill · payments/Deployment/worker · since 14:02 UTC",
        "🔴 CRITICAL · still firing · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
    ]
    assert heading(root) == "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×"
    assert [reply.all_text for reply in server.thread(root)] == [
        """\
🔴 CRITICAL · crash-loop, oom-kill · payments/Deployment/worker · since 14:02 UTC
oom-kill
 · payments/Deployment/worker · firing since 14:02 UTC (12 m)
Deployment/worker keeps crashing (about 30 in the window of the rule, 43 in all)""",
        """\
🔴 CRITICAL · still firing · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×
STILL FIRING since 14:02 UTC (12 m)""",
        """\
✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×
RESOLVED after 12 m: 14:02 UTC to 14:14 UTC, it is healthy again""",
    ]
    assert server.errors == []


def test_an_update_without_news_only_edits(server: Slack, desk: Desk) -> None:
    thread = Thread(desk.tell(content()))
    desk.tell(content(alert(is_new=False), kind=UPDATE), thread, sequence=2)
    assert len(server.messages) == 1
    assert len(server.messages[0].edits) == 1


def test_S39_in_anothers_thread_nothing_is_edited(server: Slack, desk: Desk) -> None:
    root = desk.tell(content(kind=NotificationKind.SUMMARY))
    guest = Thread(root, is_own=False)
    for sequence, kind in enumerate((FIRING, UPDATE, RESOLVED), 2):
        assert desk.tell(content(kind=kind), guest, sequence=sequence) == root
    assert server.messages[0].edits == []
    assert [heading(reply).split(" · ")[0] for reply in server.thread(server.messages[0])] == [
        "🔴 CRITICAL",
        "🔴 CRITICAL",
        "✅ RESOLVED after 12 m",
    ]


def test_a_root_that_was_deleted_is_posted_anew(server: Slack, desk: Desk) -> None:
    thread = Thread(desk.tell(content()))
    server.messages.clear()
    receipt = desk.tell(content(kind=RESOLVED), thread, sequence=2)
    assert receipt == Receipt({"channel": "C042", "ts": "1772374440.000002"})
    [message] = server.messages
    assert heading(message) == "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×"


@pytest.mark.parametrize(
    "word",
    ["cant_update_message", "edit_window_closed", "is_inactive", "thread_not_found", "cannot_reply_to_message"],
)
def test_a_root_that_cannot_be_edited_any_more_is_posted_anew(server: Slack, desk: Desk, word: str) -> None:
    thread = Thread(desk.tell())
    desk.wire.faults.append(httpx.Response(200, json={"ok": False, "error": word}))
    receipt = desk.tell(content(kind=RESOLVED), thread, sequence=2)
    assert [heading(root).split(" · ")[0] for root in server.roots()] == ["🔴 CRITICAL", "✅ RESOLVED after 12 m"]
    assert receipt == Receipt({"channel": "C042", "ts": server.messages[1].ts})


def test_what_goes_on_in_a_thread_that_was_deleted_is_told_in_the_channel(server: Slack, desk: Desk) -> None:
    guest = Thread(desk.tell(content(kind=NotificationKind.SUMMARY)), is_own=False)
    server.messages.clear()
    desk.tell(content(kind=RESOLVED), guest, sequence=2)
    assert [heading(root).split(" · ")[0] for root in server.roots()] == ["✅ RESOLVED after 12 m"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("is_archived", Reason.NOT_FOUND),
        ("channel_not_found", Reason.NOT_FOUND),
        ("not_in_channel", Reason.NOT_FOUND),
        ("invalid_auth", Reason.UNAUTHORIZED),
        ("restricted_action_read_only_channel", Reason.UNAUTHORIZED),
        ("a_word_of_tomorrow", Reason.OTHER),
    ],
)
def test_a_reason_says_whether_it_is_the_channel_or_the_token(word: str, reason: Reason) -> None:
    assert slack.classify_error(word, {}).reason is reason


def test_a_channel_that_is_archived_or_left_suspends_until_it_is_there_again(server: Slack, desk: Desk) -> None:
    for channels in (server.archived, server.left):
        channels.add("C042")
        with pytest.raises(PermanentSendError) as raised:
            desk.tell()
        assert raised.value.failure is Failure.DESTINATION
        channels.clear()
        desk.tell()
    assert server.errors == ["is_archived", "not_in_channel"]


def test_an_end_whose_beginning_was_never_told_stands_for_itself(server: Slack, desk: Desk) -> None:
    desk.tell(content(kind=RESOLVED))
    assert [heading(root) for root in server.roots()] == [
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×"
    ]


def test_metadata_names_the_notification(server: Slack, desk: Desk) -> None:
    desk.tell(content())
    assert server.messages[0].payload["metadata"] == {
        "event_type": "kwatch_notification",
        "event_payload": {"id": "n7qf3-1"},
    }


def test_a_mention_is_in_the_first_post_only(server: Slack, desk: Desk) -> None:
    channel = desk.create(mention={"critical": "@here"})
    thread = Thread(desk.tell(channel=channel))
    assert server.messages[0].pings == ("!here",)
    desk.tell(content(kind=NotificationKind.REPEAT), thread, sequence=2, channel=channel)
    desk.tell(content(alert(severity=Severity.WARNING)), sequence=3, channel=channel)
    assert [message.pings for message in server.messages] == [(), (), ()]


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ("@channel", "!channel"),
        ("<!subteam^S0614TZR7>", "!subteam^S0614TZR7"),
        ("<@U061F7AUR>", "@U061F7AUR"),
        ("<@W061F7AUR>", "@W061F7AUR"),
    ],
)
@pytest.mark.parametrize("degraded", [False, True])
def test_a_group_or_a_user_is_mentioned_by_its_id(
    server: Slack, desk: Desk, words: str, called: str, degraded: bool
) -> None:
    """As in https://docs.slack.dev/messaging/formatting-message-text."""
    desk.tell(channel=desk.create(mention={"critical": words}), degraded=degraded)
    assert server.messages[0].pings == (called,)


HOSTILE = "<!channel> <@U123> <https://evil.example.com|kubectl> @here #general *b* `c` ```\n``` \u202eknil"


def test_X01_X02_X05_X06_P11_hostile_text_is_only_text(server: Slack, desk: Desk) -> None:
    labels = {**alert().labels, "name": HOSTILE, "workload": HOSTILE, "namespace": HOSTILE, "node": HOSTILE}
    hostile = alert(rule=HOSTILE, message=HOSTILE, labels=labels, members=(HOSTILE,), details={HOSTILE: HOSTILE})
    desk.tell(content(hostile, came_and_went=(HOSTILE,)))
    desk.tell(content(hostile, alert()), sequence=2)
    desk.tell(content(hostile), sequence=3, degraded=True)
    assert [(shown.pings, shown.links) for shown in desk.shown] == [((), ())] * 3
    assert "\u202e" not in desk.text
    quotes = [part for block in server.messages[0].blocks for part in block.get("elements", [])]
    [quote] = [part for part in quotes if part["type"] == "rich_text_preformatted"]
    assert "```\n``` knil" in quote["elements"][0]["text"]  # inert: nothing in rich_text is parsed


@pytest.mark.parametrize("size", [0, 1, 149, 150, 151, 2001, 3001])
@pytest.mark.parametrize("kind", [FIRING, UPDATE, RESOLVED, NotificationKind.SUMMARY])
@pytest.mark.parametrize("degraded", [False, True])
def test_every_limit_of_slack_holds(desk: Desk, size: int, kind: NotificationKind, degraded: bool) -> None:
    """4.1; ampersands become five characters each."""
    text = "&" * size
    big = alert(
        rule=text,
        message=text,
        labels=dict.fromkeys(alert().labels, text),
        details={f"{text}{n}": text for n in range(12)},
        annotations=dict.fromkeys(("summary", "explanation", "next_step"), text),
        members=(text,) * 10,
        member_count=99,
    )
    alone = content(big, kind=kind, came_and_went=(text,) * 12, cluster=text, public_url="https://kwatch.example.com")
    for sequence, facts in enumerate((alone, content(*(big,) * 11, kind=kind, cluster=text)), 1):
        thread = Thread(desk.tell(facts, sequence=sequence, degraded=degraded))
        desk.tell(facts, thread, sequence=sequence, degraded=degraded)


def test_an_incoming_webhook_tells_the_end_as_a_message_of_its_own(tmp_path: Path) -> None:
    with desk_at(SlackWebhook, tmp_path) as desk:
        assert desk.tell() == Receipt()
        assert desk.tell(content(kind=RESOLVED), sequence=2) == Receipt()
        assert [shown.text.partition("\n")[0] for shown in desk.shown] == [
            "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×",
            "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×",
        ]


def test_it_arrives_over_a_socket_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server = Slack(SystemClock())
    (tmp_path / "token").write_text(server.secrets["token"])
    token = {"file": str(tmp_path / "token")}

    async def run() -> None:
        async with serve(server.answer) as url:
            config = {"type": "slack", "token": token, "channel": "#alerts", "api_url": f"{url}/api/"}
            tools = dataclasses.replace(tools_for(), transport=system_transport)
            channel = slack.create(slack.Config.model_validate(config), tools)
            for sequence in (1, 2):
                of = notification(sequence=sequence)
                message = channel.render(of, ALONE, degraded=False)
                await channel.send(message, delivery(of, message))
            await channel.close()

    asyncio.run(run())
    told = [message.payload["metadata"]["event_payload"]["id"] for message in server.messages]
    assert told == ["n7qf3-1", "n7qf3-2"]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"token": {"env": "A"}},
        {"channel": "#a"},
        {"token": {"env": "A"}, "channel": "#a", "url": {"env": "B"}},
        {"url": {"env": "B"}, "channel": "#a"},
        {"token": "xoxb-in-clear-text", "channel": "#a"},
        {"token": {"env": "A", "file": "/b"}, "channel": "#a"},
        {"token": {"env": "A"}, "channel": "#a", "mention": {"critical": "<!channel>"}},
        {"token": {"env": "A"}, "channel": "#a", "mention": {"critical": "<!subteam^U042>"}},
        {"token": {"env": "A"}, "channel": "#a", "mention": {"critical": "<@U042|ann>"}},
        {"token": {"env": "A"}, "channel": "#a", "mention": {"critical": "@oncall"}},
        {"token": {"env": "A"}, "channel": "#a", "template": {"blocks": "x"}},
        {"token": {"env": "A"}, "channel": "#a", "timeout": 30},
        {"token": {"env": "A"}, "channel": "#a", "app_token": {"env": "B"}},
        {"token": {"env": "A"}, "channel": "#a", "app_token": {"env": "B"}, "allow": []},
        {"token": {"env": "A"}, "channel": "#a", "app_token": {"env": "B"}, "allow": ["ann"]},
        {"token": {"env": "A"}, "channel": "#a", "app_token": "xapp-in-clear-text", "allow": ["U042"]},
        {"token": {"env": "A"}, "channel": "#a", "allow": ["U042"]},
        {"url": {"env": "A"}, "app_token": {"env": "B"}, "allow": ["U042"]},
    ],
)
def test_a_wrong_configuration_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        slack.Config.model_validate({"type": "slack", **keys})
