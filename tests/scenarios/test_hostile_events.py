"""Events that want to do harm: what they say is told, cut and inert, and nothing else happens."""

import json
import time
from pathlib import Path

import pytest

from kwatch.testing.stage import Stage

RULES = """
packs: []
rules:
  - {name: evil, on: event, match: {kind: Pod, reason: Evil}, key: [namespace, workload, message]}
route: {receiver: all, group_wait: 1s}
receivers:
  all:
    - {type: webhook, name: hook, url: "https://hooks.example.com/hook"}
    - {type: slack, token: {file: FOLDER/slack-token}, channel: "#alerts"}
"""
CUT = "… (cut, 1 044 676 characters more)"


@pytest.mark.parametrize(
    "filling", ["x", "password=hunter2 ", "\x1b[31m\x00\u202e", "<!channel> ", "é", "🔥", "eyJ.", "a.b-", "ghp_"]
)
def test_F45_a_message_of_a_megabyte_is_told_cut_and_kept_cut(filling: str, tmp_path: Path) -> None:
    message = (filling * (1 << 20))[: 1 << 20]
    stage = Stage(tmp_path, RULES)
    stage.event(5, reason="Evil", message=message)
    before = time.perf_counter()
    stage.run(until=30)
    assert time.perf_counter() - before < 10.0  # 1 s, and a slow machine
    (told,) = stage.told
    assert len(told.body) <= 20 * 1024
    said = told.document["alerts"][0]["message"]
    assert "characters more)" in said
    assert not {"\x1b", "\x00", "\u202e"} & set(said)
    assert "hunter2" not in said
    assert [message.pings for message in stage.slack.messages] == [()]
    assert sum(file.stat().st_size for file in (tmp_path / "state").iterdir()) < 1 << 20


def test_F45_the_mark_says_how_much_is_missing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.event(5, reason="Evil", message="m" * (1 << 20))
    stage.run(until=30)
    (told,) = stage.told
    assert json.loads(told.body)["alerts"][0]["message"].endswith(CUT)


def test_X11_a_secret_that_was_rotated_is_redacted_without_a_reload(tmp_path: Path) -> None:
    """From the first message on that is sent with it."""
    words = "headers: {X-Key: {file: FOLDER/key}}"
    stage = Stage(
        tmp_path, RULES.replace('"https://hooks.example.com/hook"', f'"https://hooks.example.com/hook", {words}')
    )
    (tmp_path / "key").write_text("opensesame first")
    stage.at(10, lambda: (tmp_path / "key").write_text("opensesame second"))
    stage.event(20, reason="Evil", message="nothing")
    stage.event(60, reason="Evil", name="b.1", about="Pod/other/b", message="the key is opensesame second")
    stage.run(until=120)
    assert [told.document["alerts"][0]["message"] for told in stage.told] == ["nothing", "the key is [redacted]"]
