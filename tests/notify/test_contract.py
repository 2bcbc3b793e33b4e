"""What every channel keeps: one suite over all of them."""

import asyncio
import importlib
import json
import logging
import pkgutil
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch.errors import Failure, PermanentSendError, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Count, Message, Notification, NotificationKind, Part, Receipt, Section, Thread
from kwatch.notify import channels
from kwatch.notify.base import Channel, Tools
from tests.notify.samples import ALONE, alert, content, delivery, notification, tools_for

CANARY = "canary-7f3a91"

#: The keys of a destination of each channel; secrets are read from the file of the same name.
CONFIGS: dict[str, dict[str, Any]] = {
    "stdout": {},
    "webhook": {
        "url": {"file": "url"},
        "sign": {"file": "key"},
        "headers": {"Authorization": {"file": "token"}, "X-Rule": "{{ alerts[0].rule if alerts else '' }}"},
    },
    "slack": {"token": {"file": "token"}, "channel": "#alerts"},
    "pagerduty": {"routing_key": {"file": "token"}},
    "opsgenie": {"api_key": {"file": "token"}},
    "incidentio": {"url": "https://api.incident.io/v2/alert_events/http/01GW", "token": {"file": "token"}},
    "grafana": {"url": {"file": "url"}},
    "alertmanager": {"urls": ["http://alertmanager-0:9093/"], "token": {"file": "token"}},
    "smtp": {
        "host": "127.0.0.1",
        "port": 1,
        "from": "kwatch@example.com",
        "to": ["team@example.com"],
        "username": "kwatch",
        "password": {"file": "token"},
    },
}
HTTP = ("webhook", "slack")
SECRETS = {
    "url": f"https://hooks.example.com/{CANARY}",
    "token": f"xoxb-{CANARY}",
    "key": "whsec_Y2FuYXJ5LTdmM2E5MS0wMDAwMDAwMDAw",
}

Make = Callable[..., Channel]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that creates a channel of a type, with more keys and a transport."""
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value)

    def located(keys: Any) -> Any:
        match keys:
            case {"file": str(name)}:
                return {"file": str(tmp_path / name)}
            case dict():
                return {key: located(value) for key, value in keys.items()}
            case _:
                return keys

    def create(kind: str, tools: Tools | None = None, **keys: Any) -> Channel:
        module = importlib.import_module(f"kwatch.notify.channels.{kind}")
        config = module.Config.model_validate(located({"type": kind, **CONFIGS[kind], **keys}))
        channel: Channel = module.create(config, tools or tools_for())
        return channel

    return create


def readable(kind: str, message: Message) -> str:
    """Return what a person or a program reads in a message."""
    match kind:
        case "stdout":
            return message.body.decode()
        case "webhook":
            return "\n".join(strings(json.loads(message.body)))
        case "slack" | "pagerduty" | "opsgenie" | "incidentio" | "grafana" | "alertmanager":
            return "\n".join(strings(json.loads(message.body)))
        case _:
            mail = message_from_bytes(message.body, policy=policy.default)
            bodies = [part.get_content() for part in mail.walk() if not part.is_multipart()]
            return "\n".join([*map(str, mail.values()), *bodies])


def strings(tree: Any) -> list[str]:
    match tree:
        case str():
            return [tree]
        case list():
            return [text for item in tree for text in strings(item)]
        case dict():
            return [text for item in tree.values() for text in strings(item)]
        case _:
            return []


def attempt(channel: Channel, of: Notification | None = None, thread: Thread = ALONE) -> Receipt:
    """Render and send once."""
    made = of or notification()
    message = channel.render(made, thread, degraded=False)
    return asyncio.run(channel.send(message, delivery(made, message, thread)))


def answering(response: httpx.Response) -> Tools:
    return tools_for(httpx.MockTransport(lambda request: response))


def test_the_suite_covers_every_channel() -> None:
    shown = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / "contract").glob("test_*.py")}
    assert {module.name for module in pkgutil.iter_modules(channels.__path__)} == set(CONFIGS) | shown


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("said", list(NotificationKind))
def test_each_kind_of_notification_says_what_where_and_how_it_is(make: Make, kind: str, said: NotificationKind) -> None:
    about = content(kind=said)
    if said in {NotificationKind.META, NotificationKind.TEST}:
        about = content(kind=said, alerts=(), alert_count=0, text="the destination oncall is suspended")
    if said is NotificationKind.OVERFLOW:
        about = content(
            alert(), alert(rule="other"), kind=said, folded=37, counts=(Count("crash-loop", "payments", 21),)
        )
    if said is NotificationKind.DIGEST:
        about = content(kind=said, sections=(Section(Part.NEW, 1, 1),))
    text = readable(kind, make(kind).render(notification(about), ALONE, degraded=False))
    states = {
        NotificationKind.RESOLVED: ["RESOLVED after 12 m", "payments/Deployment/worker", "it is healthy again"],
        NotificationKind.EXPIRED: ["NO LONGER OBSERVED after 12 m", "payments/Deployment/worker"],
        NotificationKind.META: ["KWATCH · the destination oncall is suspended"],
        NotificationKind.TEST: ["TEST · the destination oncall is suspended"],
        NotificationKind.SUMMARY: ["1 problem was already there"],
        NotificationKind.OVERFLOW: [
            "37 more",
            "since 14:02 UTC",
            "21 × crash-loop (payments)",
            "deliveries show n7qf3-1",
        ],
        NotificationKind.DIGEST: [
            "DIGEST",
            "14:02 UTC to 14:14 UTC",
            "1 new",
            "crash-loop",
            "payments/Deployment/worker",
        ],
        NotificationKind.REPEAT: ["still firing after 12 m", "payments/Deployment/worker"],
        NotificationKind.NOTICE: ["CRITICAL · crash-loop · payments/Deployment/worker", "NOTICE at 14:02 UTC"],
    }
    for words in states.get(
        said, ["CRITICAL · crash-loop · payments/Deployment/worker", "FIRING since 14:02 UTC (12 m)"]
    ):
        assert words in text


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_facts_are_the_same_in_every_channel(make: Make, kind: str) -> None:
    about = content(alert(held_back_by="node-not-ready · Node/n-17", is_late=True), is_late=True)
    text = readable(kind, make(kind).render(notification(about), ALONE, degraded=False))
    for fact in (
        "prod-eu",
        "payments/Deployment/worker",
        "n-17",
        "Deployment/worker keeps crashing",
        "The container ends soon after each start; the kubelet waits longer each time.",
        "kubectl -n payments logs worker-7d9c-x2x1 --previous",
        "https://runbooks.example.com/crash-loop",
        "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more",
        "about 30 in the window of the rule, 43 in all",
        "registry.example.com/worker:1.4.2",
        "Back-off restarting failed container worker in pod worker-7d9c-x2x1",
        "late: began at 14:02 UTC while kwatch was not watching",
        "until now, by node-not-ready · Node/n-17",
    ):
        assert fact in text


@pytest.mark.parametrize("kind", CONFIGS)
def test_T09_one_template_of_the_users_is_in_every_message(make: Make, kind: str) -> None:
    own = {"title": "MARK-TITLE {{ severity }}", "text": "MARK-TEXT {{ alerts[0].rule }}"}
    message = make(kind, template=own).render(notification(), ALONE, degraded=False)
    assert "MARK-TITLE critical" in readable(kind, message)
    assert "MARK-TEXT crash-loop" in readable(kind, message)
    assert message.fallback_reason == ""


@pytest.mark.parametrize("kind", CONFIGS)
def test_P9_a_template_that_fails_is_replaced_and_named(make: Make, kind: str) -> None:
    message = make(kind, template={"title": "{{ alerts[7].rule }}"}).render(notification(), ALONE, degraded=False)
    assert "CRITICAL · crash-loop · payments/Deployment/worker" in readable(kind, message)
    assert message.fallback_reason.startswith("template title: ")


@pytest.mark.parametrize("kind", CONFIGS)
def test_an_annotation_that_fails_costs_only_itself(make: Make, kind: str) -> None:
    about = content(alert(annotations={"summary": "{{ nobody }}", "next_step": "look at {{ name }}"}))
    message = make(kind).render(notification(about), ALONE, degraded=False)
    assert "look at worker-7d9c-x2x1" in readable(kind, message)
    assert message.fallback_reason == "annotation summary of rule crash-loop: 'nobody' is undefined"


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("degraded", [False, True])
def test_a_megabyte_of_control_characters_becomes_a_short_message(make: Make, kind: str, degraded: bool) -> None:
    hostile = "\x1b[31m\x00\u202e<script>\r\nBcc: evil\x85" * 32_000
    about = content(
        alert(message=hostile, annotations={}, labels={**alert().labels, "workload": "Deployment/\u202eevil\x1b[2J"})
    )
    message = make(kind).render(notification(about), ALONE, degraded=degraded)
    text = readable(kind, message)
    assert len(message.body) < 64 * 1024
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "characters more" in text


@pytest.mark.parametrize("kind", CONFIGS.keys() - {"alertmanager"})  # there each alert is one
def test_a_thousand_alerts_are_counted_not_listed(make: Make, kind: str) -> None:
    many = tuple(alert(fingerprint=f"f{n}", rule=f"rule-{n:03}") for n in range(1000))
    about = content(*many)
    message = make(kind).render(notification(about), ALONE, degraded=False)
    assert len(message.body) < 24 * 1024
    assert "1000 problems" in readable(kind, message)
    assert "and 990 more" in readable(kind, message)


@pytest.mark.parametrize("kind", CONFIGS)
def test_each_rendering_gives_the_same_bytes(make: Make, kind: str) -> None:
    first, second = (make(kind).render(notification(), ALONE, degraded=False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", CONFIGS)
def test_X11_no_secret_is_in_message_log_repr_or_error(make: Make, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    channel = make(kind, answering(httpx.Response(500, text=CANARY)))
    message = channel.render(notification(), ALONE, degraded=False)
    said = [repr(message), repr(channel), repr(vars(channel)), str(make)]
    try:
        asyncio.run(channel.send(message, delivery(notification(), message)))
    except SendError as error:
        said += [
            repr(error),
            str(error),
            repr(error.__cause__),
            repr(error.__context__ if not error.__suppress_context__ else ""),
        ]
    assert CANARY not in "".join(said) + caplog.text


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (301, Failure.DESTINATION),
        (302, Failure.DESTINATION),
        (307, Failure.DESTINATION),
        (400, Failure.MESSAGE),
        (401, Failure.DESTINATION),
        (404, Failure.DESTINATION),
        (408, Failure.RETRY),
        (410, Failure.DESTINATION),
        (413, Failure.MESSAGE),
        (429, Failure.PACE),
        (500, Failure.AMBIGUOUS),
        (502, Failure.AMBIGUOUS),
        (503, Failure.RETRY),
        (504, Failure.AMBIGUOUS),
    ],
)
def test_T03_T33_an_answer_that_is_no_success_is_a_failure(
    make: Make, kind: str, status: int, failure: Failure
) -> None:
    response = httpx.Response(status, headers={"Location": "https://elsewhere.example.com/"}, text="<html>")
    with pytest.raises(SendError) as raised:
        attempt(make(kind, answering(response)))
    assert raised.value.failure is failure


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_T03_any_2xx_is_success(make: Make, status: int) -> None:
    assert attempt(make("webhook", answering(httpx.Response(status)))) == Receipt()


@pytest.mark.parametrize("kind", HTTP)
def test_X10_a_redirect_is_not_followed(make: Make, kind: str) -> None:
    asked: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://169.254.169.254/latest"})

    with pytest.raises(PermanentSendError) as raised:
        attempt(make(kind, tools_for(httpx.MockTransport(redirect))))
    assert raised.value.reason is Reason.REDIRECT
    assert len(asked) == 1


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectError("refused"), Failure.RETRY),
        (httpx.ConnectTimeout("slow"), Failure.RETRY),
        (httpx.ReadTimeout("silent"), Failure.AMBIGUOUS),
        (httpx.RemoteProtocolError("cut"), Failure.AMBIGUOUS),
    ],
)
def test_T28_T55_no_answer_is_a_failure(make: Make, kind: str, error: Exception, failure: Failure) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(RetryableSendError) as raised:
        attempt(make(kind, tools_for(httpx.MockTransport(fail))))
    assert raised.value.failure is failure


@pytest.mark.parametrize("kind", HTTP)
def test_a_pause_is_passed_on(make: Make, kind: str) -> None:
    with pytest.raises(RetryableSendError) as raised:
        attempt(make(kind, answering(httpx.Response(429, headers={"Retry-After": "17"}))))
    assert (raised.value.failure, raised.value.retry_after) == (Failure.PACE, 17.0)


@pytest.mark.parametrize("kind", HTTP)
def test_no_more_than_64_kib_of_an_answer_are_read(make: Make, kind: str) -> None:
    read = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            nonlocal read
            while True:
                read += 1024
                yield b"x" * 1024

    with pytest.raises(SendError):
        attempt(make(kind, answering(httpx.Response(500, stream=Endless()))))
    assert read <= 65 * 1024


@pytest.mark.parametrize("kind", HTTP)
def test_a_secret_that_is_gone_suspends_the_destination(make: Make, kind: str, tmp_path: Path) -> None:
    channel = make(kind)
    for name in SECRETS:
        (tmp_path / name).unlink()
    with pytest.raises(PermanentSendError) as raised:
        attempt(channel)
    assert (raised.value.failure, raised.value.reason) == (Failure.DESTINATION, Reason.SECRET)


@pytest.mark.parametrize("kind", HTTP)
def test_a_rotated_secret_is_used_at_once(make: Make, kind: str, tmp_path: Path) -> None:
    seen: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={"ok": True, "channel": "C1", "ts": "1.1"})

    channel = make(kind, tools_for(httpx.MockTransport(note)))
    attempt(channel)
    (tmp_path / "token").write_text("xoxb-rotated\n")
    attempt(channel)
    assert [value.removeprefix("Bearer ") for value in seen] == [f"xoxb-{CANARY}", "xoxb-rotated"]
