"""Slack: threads, edits, limits, and what its errors mean."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Content, NotificationKind, Receipt, Thread
from kwatch.model.rules import Severity
from kwatch.notify.base import Channel
from kwatch.notify.channels import slack
from kwatch.notify.chat import Step
from kwatch.notify.http import system_transport
from kwatch.testing.receivers import Answer, Posted, SlackServer, limit_broken, serve, transport_to
from tests.notify.samples import ALONE, alert, content, delivery, notification, tools_for

TOKEN = "xoxb-1"
FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED


@pytest.fixture
def server() -> SlackServer:
    return SlackServer(TOKEN, {"#alerts": "C042"})


@pytest.fixture
def channel(server: SlackServer, tmp_path: Path) -> Channel:
    return create(server, tmp_path)


def create(server: SlackServer, folder: Path, **keys: Any) -> Channel:
    (folder / "token").write_text(TOKEN)
    config = {"type": "slack", "token": {"file": str(folder / "token")}, "channel": "#alerts", **keys}
    return slack.create(slack.Config.model_validate(config), tools_for(transport_to(server.answer)))


def tell(
    channel: Channel, facts: Content, thread: Thread = ALONE, *, sequence: int = 1, degraded: bool = False
) -> Receipt:
    """Render and send once."""
    of = notification(facts, sequence=sequence)
    message = channel.render(of, thread, degraded=degraded)
    return asyncio.run(channel.send(message, delivery(of, message, thread)))


def heading(message: Posted) -> str:
    return str(message.blocks[0]["text"]["text"])


def test_an_incident_is_one_message_and_its_thread(server: SlackServer, channel: Channel) -> None:
    receipt = tell(channel, content())
    thread = Thread(receipt)
    grown = content(alert(is_new=False), alert(rule="oom-kill", fingerprint="f2"), kind=UPDATE)
    assert tell(channel, grown, thread, sequence=2) == receipt
    assert tell(channel, content(kind=NotificationKind.REPEAT), thread, sequence=3) == receipt
    assert tell(channel, content(kind=RESOLVED), thread, sequence=4) == receipt

    assert receipt == Receipt({"channel": "C042", "ts": "1700000000.000001"})
    [root] = server.roots()
    assert [heading(edit) for edit in root.edits] == [
        "🔴 CRITICAL · crash-loop · payments/Deployment/worker",
        "🔴 CRITICAL · 2 problems · payments/Deployment/worker",
        "🔴 CRITICAL · still firing after 12 m · crash-loop · payments/Deployment/worker",
    ]
    assert heading(root) == "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker"
    assert [reply.all_text for reply in server.thread(root)] == [
        """\
🔴 CRITICAL · 2 problems · payments/Deployment/worker
oom-kill
 · payments/Deployment/worker · firing since 14:02 UTC (12 m)
Deployment/worker keeps crashing (about 30 in the window of the rule, 43 in all)""",
        """\
🔴 CRITICAL · still firing after 12 m · crash-loop · payments/Deployment/worker
STILL FIRING since 14:02 UTC (12 m)""",
        """\
✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker
RESOLVED after 12 m: 14:02 UTC to 14:14 UTC, it is healthy again""",
    ]
    assert server.refusals == []


def test_an_update_without_news_only_edits(server: SlackServer, channel: Channel) -> None:
    thread = Thread(tell(channel, content()))
    tell(channel, content(alert(is_new=False), kind=UPDATE), thread, sequence=2)
    assert len(server.messages) == 1
    assert len(server.messages[0].edits) == 1


def test_S39_in_anothers_thread_nothing_is_edited(server: SlackServer, channel: Channel) -> None:
    root = tell(channel, content(kind=NotificationKind.SUMMARY))
    guest = Thread(root, is_own=False)
    for sequence, kind in enumerate((FIRING, UPDATE, RESOLVED), 2):
        assert tell(channel, content(kind=kind), guest, sequence=sequence) == root
    assert server.messages[0].edits == []
    assert [heading(reply).split(" · ")[0] for reply in server.thread(server.messages[0])] == [
        "🔴 CRITICAL",
        "🔴 CRITICAL",
        "✅ RESOLVED after 12 m",
    ]


def test_a_root_that_was_deleted_is_posted_anew(server: SlackServer, channel: Channel) -> None:
    thread = Thread(tell(channel, content()))
    server.messages.clear()
    receipt = tell(channel, content(kind=RESOLVED), thread, sequence=2)
    assert receipt == Receipt({"channel": "C042", "ts": "1700000000.000002"})
    [message] = server.messages
    assert heading(message) == "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker"


def test_what_goes_on_in_a_thread_that_was_deleted_is_told_in_the_channel(
    server: SlackServer, channel: Channel
) -> None:
    guest = Thread(tell(channel, content(kind=NotificationKind.SUMMARY)), is_own=False)
    server.messages.clear()
    tell(channel, content(kind=RESOLVED), guest, sequence=2)
    assert [heading(root).split(" · ")[0] for root in server.roots()] == ["✅ RESOLVED after 12 m"]


def test_an_end_whose_beginning_was_never_told_stands_for_itself(server: SlackServer, channel: Channel) -> None:
    tell(channel, content(kind=RESOLVED))
    assert [heading(root) for root in server.roots()] == [
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker"
    ]


def test_metadata_names_the_notification(server: SlackServer, channel: Channel) -> None:
    tell(channel, content())
    assert server.messages[0].metadata == {"event_type": "kwatch_notification", "event_payload": {"id": "n7qf3-1"}}


def test_a_mention_is_in_the_first_post_only(server: SlackServer, tmp_path: Path) -> None:
    channel = create(server, tmp_path, mention={"critical": "@here"})
    thread = Thread(tell(channel, content()))
    assert server.messages[0].pings == ["<!here"]
    tell(channel, content(kind=NotificationKind.REPEAT), thread, sequence=2)
    tell(channel, content(alert(severity=Severity.WARNING)), sequence=3)
    assert [message.pings for message in server.messages] == [[], [], []]


HOSTILE = "<!channel> <@U123> <https://evil.example.com|kubectl> @here #general *b* `c` ```\n``` \u202eknil"


def test_X01_X02_X05_X06_P11_hostile_text_is_only_text(server: SlackServer, channel: Channel) -> None:
    labels = {**alert().labels, "name": HOSTILE, "workload": HOSTILE, "namespace": HOSTILE, "node": HOSTILE}
    hostile = alert(rule=HOSTILE, message=HOSTILE, labels=labels, members=(HOSTILE,), details={HOSTILE: HOSTILE})
    tell(channel, content(hostile, came_and_went=(HOSTILE,)))
    tell(channel, content(hostile, alert()), sequence=2)
    tell(channel, content(hostile), sequence=3, degraded=True)
    for message in server.messages:
        assert message.pings == []
        assert message.links == []
        assert "\u202e" not in json.dumps(message.blocks, ensure_ascii=False)
    quotes = [part for block in server.messages[0].blocks for part in block.get("elements", [])]
    [quote] = [part for part in quotes if part["type"] == "rich_text_preformatted"]
    assert "```\n``` knil" in quote["elements"][0]["text"]  # inert: nothing in rich_text is parsed


@pytest.mark.parametrize("size", [0, 1, 149, 150, 151, 2001, 3001])
@pytest.mark.parametrize("kind", [FIRING, UPDATE, RESOLVED, NotificationKind.SUMMARY])
@pytest.mark.parametrize("degraded", [False, True])
def test_every_limit_of_slack_holds(channel: Channel, size: int, kind: NotificationKind, degraded: bool) -> None:
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
    for facts in (alone, content(*(big,) * 11, kind=kind, cluster=text)):
        for thread in (ALONE, Thread(Receipt({"channel": "C042", "ts": "1.1"}))):
            message = channel.render(notification(facts), thread, degraded=degraded)
            steps = msgspec.json.decode(message.body, type=tuple[Step, ...])
            assert [limit_broken(step.body) for step in steps] == [""] * len(steps)


@pytest.mark.parametrize(
    ("word", "failure"),
    [
        *((word, Failure.PACE) for word in ("ratelimited", "rate_limited")),
        *((word, Failure.RETRY) for word in ("service_unavailable", "request_timeout", "team_added_to_org")),
        *((word, Failure.RETRY) for word in ("org_login_required", "update_failed", "external_channel_migrating")),
        *((word, Failure.AMBIGUOUS) for word in ("internal_error", "fatal_error")),
        *((word, Failure.MESSAGE) for word in ("msg_too_long", "invalid_blocks", "invalid_blocks_format", "no_text")),
        *((word, Failure.MESSAGE) for word in ("invalid_attachments", "too_many_attachments", "metadata_too_large")),
        *((word, Failure.MESSAGE) for word in ("block_mismatch", "never_heard_of", "")),
        *((word, Failure.DESTINATION) for word in ("invalid_auth", "not_authed", "token_revoked", "token_expired")),
        *(
            (word, Failure.DESTINATION)
            for word in ("account_inactive", "missing_scope", "no_permission", "not_in_channel")
        ),
        *((word, Failure.DESTINATION) for word in ("channel_not_found", "is_archived", "restricted_action")),
        *((word, Failure.DESTINATION) for word in ("restricted_action_read_only_channel", "ekm_access_denied")),
        ("accesslimited", Failure.DESTINATION),
    ],
)
def test_each_error_has_its_class(server: SlackServer, channel: Channel, word: str, failure: Failure) -> None:
    body = json.dumps({"ok": False, "error": word}).encode()
    server.next_answers.append(Answer(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(SendError) as raised:
        tell(channel, content())
    assert raised.value.failure is failure
    permanent = {Failure.MESSAGE, Failure.DESTINATION}
    assert type(raised.value) is (PermanentSendError if failure in permanent else RetryableSendError)


def test_a_limit_names_its_pause(server: SlackServer, channel: Channel) -> None:
    server.next_answers.append(Answer(429, b'{"ok": false, "error": "ratelimited"}', {"Retry-After": "12"}))
    with pytest.raises(RetryableSendError) as raised:
        tell(channel, content())
    assert (raised.value.failure, raised.value.retry_after) == (Failure.PACE, 12.0)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"ok": true}', b'{"ok": "yes"}', b"\xff\xfe"])
def test_an_answer_that_is_not_slacks_is_no_success(server: SlackServer, channel: Channel, body: bytes) -> None:
    server.next_answers.append(Answer(200, body))
    with pytest.raises(RetryableSendError) as raised:
        tell(channel, content())
    assert (raised.value.failure, raised.value.reason) == (Failure.AMBIGUOUS, Reason.BAD_REPLY)


def test_an_incoming_webhook_tells_the_end_as_a_message_of_its_own(server: SlackServer, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://hooks.slack.com/services/T1/B1/secret")
    config = slack.Config.model_validate({"type": "slack", "url": {"file": str(tmp_path / "url")}})
    channel = slack.create(config, tools_for(transport_to(server.answer)))
    assert tell(channel, content()) == Receipt()
    assert tell(channel, content(kind=RESOLVED), sequence=2) == Receipt()
    assert [heading(message) for message in server.messages] == [
        "🔴 CRITICAL · crash-loop · payments/Deployment/worker",
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker",
    ]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(400, b"invalid_payload"), Failure.MESSAGE),
        (Answer(403, b"action_prohibited"), Failure.DESTINATION),
        (Answer(404, b"no_service"), Failure.DESTINATION),
        (Answer(410, b"channel_is_archived"), Failure.DESTINATION),
        (Answer(500, b"rollup_error"), Failure.AMBIGUOUS),
        (Answer(200, b"something else"), Failure.AMBIGUOUS),
    ],
)
def test_a_webhooks_answer_is_read(server: SlackServer, tmp_path: Path, answer: Answer, failure: Failure) -> None:
    (tmp_path / "url").write_text("https://hooks.slack.com/services/T1/B1/secret")
    config = slack.Config.model_validate({"type": "slack", "url": {"file": str(tmp_path / "url")}})
    channel = slack.create(config, tools_for(transport_to(server.answer)))
    server.next_answers.append(answer)
    with pytest.raises(SendError) as raised:
        tell(channel, content())
    assert raised.value.failure is failure


def test_it_arrives_over_a_socket_whatever_the_environment_says(
    server: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / "token").write_text(TOKEN)
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
    assert [message.metadata["event_payload"]["id"] for message in server.messages] == ["n7qf3-1", "n7qf3-2"]


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
        {"token": {"env": "A"}, "channel": "#a", "template": {"blocks": "x"}},
        {"token": {"env": "A"}, "channel": "#a", "timeout": 30},
    ],
)
def test_a_wrong_configuration_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        slack.Config.model_validate({"type": "slack", **keys})
