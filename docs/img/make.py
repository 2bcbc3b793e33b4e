"""Draw the pictures of messages in this folder: `python docs/img/make.py`.

What is drawn is what the channels render. It takes chromium and fonts; on Debian:
`apt-get install chromium fonts-noto-color-emoji fonts-liberation`.
"""

import email
import email.policy
import io
import json
import subprocess
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from blocks import message, page
from samples import DIGEST, FIRING, JOINED, NOW, RESOLVED

from kwatch.clock import SystemClock
from kwatch.model.notifications import Content, Notification, Receipt, Thread
from kwatch.notify.base import Tools
from kwatch.notify.render import TemplateEngine

HERE = Path(__file__).parent
CLOCK = SystemClock()
TOOLS = Tools(
    clock=CLOCK,
    templates=TemplateEngine(CLOCK),
    transport=lambda _: httpx.MockTransport(lambda request: httpx.Response(200)),
    instance="prod-eu",
    secret="s",
    stdout=io.StringIO(),
)
MAIL = {"type": "smtp", "host": "mail.example.com", "from": "kwatch@example.com", "to": "team@example.com"}
SLACK = {"type": "slack", "token": {"env": "TOKEN"}, "channel": "#alerts"}
ROOT = Thread(Receipt({"channel": "C042", "ts": "1.1"}))


def rendered(keys: dict[str, Any], facts: Content, thread: Thread = Thread()) -> bytes:  # noqa: B008 - frozen
    """Return the bytes that a destination would be sent."""
    module = import_module(f"kwatch.notify.channels.{keys['type']}")
    channel = module.create(module.Config.model_validate({**keys, "timezone": "Europe/Berlin"}), TOOLS)
    notification = Notification(
        id="n1",
        destination="payments",
        incident="kw/payments/1",
        sequence=1,
        kind=facts.kind,
        severity=facts.severity,
        content=facts,
        created_at=NOW,
    )
    body: bytes = channel.render(notification, thread, degraded=False).body
    return body


def mail(facts: Content) -> str:
    """Return the HTML of a mail."""
    part = email.message_from_bytes(rendered(MAIL, facts), policy=email.policy.default).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def steps(facts: Content, thread: Thread = Thread()) -> list[dict[str, Any]]:  # noqa: B008 - frozen
    """Return the bodies of the calls that are made in Slack."""
    return [step["body"] for step in json.loads(rendered(SLACK, facts, thread))]


def slack_incident() -> str:
    """Return an incident's message as it is in the end, its thread, and what was sent first."""
    [opened] = steps(FIRING)
    _, joined = steps(JOINED, ROOT)
    edited, ended = steps(RESOLVED, ROOT)
    shown = [
        message(opened["blocks"], "7:48"),
        "<hr>",
        message(edited["blocks"], "7:48", is_edited=True),
        message(joined["blocks"], "7:57", is_reply=True),
        message(ended["blocks"], "8:00", is_reply=True),
    ]
    return page(shown, opened)


def draw(name: str, html: str, width: int, height: int) -> None:
    """Write a picture."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as file:
        file.write(html)
        file.flush()
        size = ["--force-device-scale-factor=1.5", f"--window-size={width},{height}"]
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *size]
        picture = HERE / f"{name}.png"
        command = ["chromium", *flags, f"--screenshot={picture}", f"file://{file.name}"]
        subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    draw("mail", mail(FIRING), 640, 585)
    draw("mail-digest", mail(DIGEST), 640, 1630)
    draw("slack", slack_incident(), 1120, 1200)
    draw("slack-digest", page([message(steps(DIGEST)[0]["blocks"], "8:00")]), 660, 880)
