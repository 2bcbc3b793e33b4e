"""`kwatch render` and `kwatch send-test` over a configuration file."""

import asyncio
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
import termios
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kwatch.cli.program import main
from kwatch.cli.render import _KINDS
from kwatch.model.notifications import NotificationKind
from kwatch.testing.receivers import MailServer

CONFIG = """\
cluster: prod-eu
route: {receiver: team}
receivers:
  team:
    - {type: stdout}
    - {type: smtp, to: [team@example.com], from: kwatch@example.com, host: smtp.example.com}
    - {type: webhook, url: {env: HOOK_URL}}
    - {type: slack, name: team-chat, url: {env: HOOK_URL}}
"""


RECIPIENTS = "[a@example.com, b@example.com]"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kwatch.yaml"
    path.write_text(CONFIG)
    return path


def kwatch(config: Path, command: str, *arguments: str, hook: str = "http://127.0.0.1:9/") -> Result:
    return CliRunner(env={"HOOK_URL": hook}).invoke(main, [command, "--config", str(config), *arguments])


def test_on_a_terminal_a_message_breaks_between_words(config: Path) -> None:
    master, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 72, 0, 0))
    command = [sys.executable, "-m", "kwatch", "render", "--config", str(config), "--destination", "team-stdout"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    subprocess.run(command, stdout=terminal, env={**environment, "HOOK_URL": "http://127.0.0.1:9/"}, check=True)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", os.read(master, 4096).decode()).splitlines()
    start = lines.index("  Means        The container ended again and again soon after its start,")
    assert lines[start + 1] == "               so the kubelet waits longer and longer (up to five"
    assert max(map(len, lines)) <= 72


def test_render_shows_a_sample_at_each_destination(config: Path) -> None:
    result = kwatch(config, "render")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line for line in lines if line.endswith(("(stdout)", "(smtp)", "(webhook)", "(slack)"))] == [
        "team-stdout (stdout)",
        "team-smtp (smtp)",
        "team-webhook (webhook)",
        "team-chat (slack)",
    ]
    title = r"🔴 CRITICAL · crash-loop · payments/Deployment/worker · since .*\d\d:\d\d UTC · 14×"
    assert re.fullmatch(title, lines[1])
    assert "To: team@example.com" in lines


def test_a_chat_is_shown_as_people_read_it(config: Path) -> None:
    result = kwatch(config, "render", "--destination", "team-chat", "--kind", "notice")
    name, title, status, *said = result.output.splitlines()
    assert name == "team-chat (slack)"
    assert re.fullmatch(r"🟠 WARNING · node-rebooted · Node/node-1 · at \d\d:\d\d UTC", title)
    assert re.fullmatch(r"NOTICE at \d\d:\d\d UTC", status)
    assert said == [
        "Cause Node node-1 was rebooted.",
        "Means All containers on it were ended and started again.",
        "Next kubectl get pods -A -o wide --field-selector spec.nodeName=node-1",
        "Node node-1 has been rebooted, boot id: 2c1e5f0a-7b1f-4d0e-9f52-6d1f3f0b8c11",
        "Cluster prod-eu",
        "Severity warning",
        "Where Node/node-1",
        "How often once",
        "rule node-rebooted · sample-r",
        "",
    ]


def test_what_a_chat_is_sent_can_be_seen(config: Path) -> None:
    result = kwatch(config, "render", "--destination", "team-chat", "--kind", "test", "--sent")
    name, _, document = result.output.partition("\n")
    [step] = json.loads(document)
    assert (name, step["act"]) == ("team-chat (slack)", "post")
    assert step["body"]["text"].startswith("🧪 TEST · This is a test of kwatch")


@pytest.mark.parametrize("kind", _KINDS)
def test_render_knows_every_kind(config: Path, kind: str) -> None:
    result = kwatch(config, "render", "--kind", kind)
    assert result.exit_code == 0, result.output
    assert "the built-in text is used" not in result.output


def test_every_kind_can_be_asked_for() -> None:
    assert tuple(kind.value for kind in NotificationKind) == _KINDS


class Gallery(HTMLParser):
    """What is on the page: headings, and the documents of its frames."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.frames: list[str] = []
        self._is_heading = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_heading = tag in ("h2", "h3")
        if tag == "iframe":
            assert ("sandbox", None) in attrs  # nothing of a mail can run
            self.frames.append(dict(attrs)["srcdoc"] or "")

    def handle_data(self, data: str) -> None:
        if self._is_heading:
            self.headings.append(data.strip())
        self._is_heading = False


def test_render_writes_all_messages_side_by_side(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "messages.html"
    result = kwatch(config, "render", "--html", str(page))
    assert (result.exit_code, result.output) == (0, f"wrote {page}\n")
    shown = Gallery(page.read_text())
    assert shown.headings == [
        each for kind in _KINDS for each in (kind, "team-stdout", "team-smtp", "team-webhook", "team-chat")
    ]
    assert len(shown.frames) == len(_KINDS)
    assert all("prod-eu" in frame for frame in shown.frames)


def test_a_kind_and_a_destination_can_be_chosen_and_nothing_is_fetched(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "messages.html"
    kwatch(config, "render", "--destination", "team-chat", "--kind", "resolved", "--html", str(page))
    text = page.read_text()
    assert Gallery(text).headings == ["resolved", "team-chat"]
    assert "RESOLVED after 12 m" in text
    assert not re.search(r"<(?:link|script|img)|url\(|src=", text)


def test_what_a_template_writes_is_inert_on_the_page(config: Path, tmp_path: Path) -> None:
    entry = "{type: slack, channel: a, token: {env: HOOK_URL}, template: {title: '<script>x</script>', text: '<b>'}}"
    config.write_text(f"receivers: {{team: [{entry}]}}")
    page = tmp_path / "messages.html"
    kwatch(config, "render", "--html", str(page))
    assert "<script" not in page.read_text()
    assert "&lt;script&gt;x&lt;/script&gt;" in page.read_text()


@pytest.mark.parametrize("command", ["render", "send-test"])
def test_an_unknown_destination_is_a_usage_error_that_names_the_known(config: Path, command: str) -> None:
    result = kwatch(config, command, "--destination", "team-pager")
    assert result.exit_code == 2
    assert (
        "there is no destination 'team-pager'; there is team-stdout, team-smtp, team-webhook, team-chat"
        in result.stderr
    )


def test_send_test_says_what_a_destination_answered(config: Path) -> None:
    result = kwatch(config, "send-test", "--destination", "team-stdout")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "🧪 TEST · This is a test of kwatch 0.1.0. Nothing is wrong."
    assert lines[-1] == "team-stdout (stdout): sent"


def test_send_test_fails_where_nobody_listens(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = kwatch(config, "send-test", "--destination", "team-webhook", hook=f"http://127.0.0.1:{port}/secret-path")
    assert result.exit_code == 1
    assert result.output.startswith("team-webhook (webhook): failed: refused: ")
    assert "secret-path" not in result.output


def test_send_test_names_who_did_not_get_it(config: Path) -> None:
    server = MailServer()
    server.replies["b@example.com"] = "550 5.1.1 no such user"

    def send(port: int) -> Result:
        where = f"host: localhost, port: {port}, tls: none"
        config.write_text(CONFIG.replace("[team@example.com]", RECIPIENTS).replace("host: smtp.example.com", where))
        return kwatch(config, "send-test", "--destination", "team-smtp")

    async def run() -> Result:
        async with server.serve() as port:
            return await asyncio.to_thread(send, port)

    result = asyncio.run(run())
    refused = "b@example.com did not get it: the mail server answered 550 5.1.1 at recipient"
    assert result.stdout == f"team-smtp (smtp): sent, but {refused}\n"
    assert result.exit_code == 1
