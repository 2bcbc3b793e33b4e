"""`kwatch render` and `kwatch send-test` over a configuration file."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kwatch.cli.program import main
from kwatch.cli.render import _KINDS
from kwatch.model.notifications import NotificationKind

CONFIG = """\
cluster: prod-eu
route: {receiver: team}
receivers:
  team:
    - {type: stdout}
    - {type: smtp, to: [team@example.com], from: kwatch@example.com, host: smtp.example.com}
    - {type: webhook, url: {env: HOOK_URL}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kwatch.yaml"
    path.write_text(CONFIG)
    return path


def kwatch(config: Path, command: str, *arguments: str, hook: str = "http://127.0.0.1:9/") -> Result:
    return CliRunner(env={"HOOK_URL": hook}).invoke(main, [command, "--config", str(config), *arguments])


def test_render_shows_a_sample_at_each_destination(config: Path) -> None:
    result = kwatch(config, "render")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line for line in lines if line.endswith(("(stdout)", "(smtp)", "(webhook)"))] == [
        "team-stdout (stdout)",
        "team-smtp (smtp)",
        "team-webhook (webhook)",
    ]
    assert "🔴 CRITICAL · crash-loop · payments/Deployment/worker" in lines
    assert "To: team@example.com" in lines


@pytest.mark.parametrize("kind", _KINDS)
def test_render_knows_every_kind(config: Path, kind: str) -> None:
    result = kwatch(config, "render", "--kind", kind)
    assert result.exit_code == 0, result.output
    assert "the built-in text is used" not in result.output


def test_every_kind_can_be_asked_for() -> None:
    assert tuple(kind.value for kind in NotificationKind) == _KINDS


def test_render_writes_the_html_part_of_a_mail(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "mail.html"
    result = kwatch(config, "render", "--destination", "team-smtp", "--html", str(page))
    assert result.exit_code == 0, result.output
    assert "payments/Deployment/worker" in page.read_text()


def test_what_has_no_html_part_cannot_be_written_as_html(config: Path, tmp_path: Path) -> None:
    result = kwatch(config, "render", "--destination", "team-stdout", "--html", str(tmp_path / "x.html"))
    assert (result.exit_code, result.stderr) == (1, "Error: no message has an HTML part; name a mail destination\n")


@pytest.mark.parametrize("command", ["render", "send-test"])
def test_an_unknown_destination_is_a_usage_error_that_names_the_known(config: Path, command: str) -> None:
    result = kwatch(config, command, "--destination", "team-pager")
    assert result.exit_code == 2
    assert "there is no destination 'team-pager'; there is team-stdout, team-smtp, team-webhook" in result.stderr


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
