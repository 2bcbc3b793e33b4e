"""Buttons in Slack, from the press to what people see: the whole of kwatch, and a connection on this machine."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from kwatch.notify.buttons import Action, Signer, Wish
from kwatch.testing.stage import SLACK_TOKEN, START, Stage
from kwatch.testing.vendors import CANARY
from kwatch.testing.vendors.slack_buttons import APP_TOKEN, SlackButtons

RULES = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s}
route: {receiver: team, group_by: [rule, namespace], group_wait: 5s, group_interval: 10s}
receivers:
  team:
    - type: slack
      api_url: "http://slack.example/api/"
      channel: "#alerts"
      token: {file: FOLDER/slack-token}
      app_token: {file: FOLDER/app-token}
      allow: [U0ANN, S0OPS]
"""
FAILED = {"phase": "Failed"}


class Play:
    """A stage with people who press buttons."""

    def __init__(self, folder: Path) -> None:
        (folder / "app-token").write_text(APP_TOKEN)
        self.stage = Stage(folder, RULES)
        self.slack = SlackButtons(self.stage.clock, token=SLACK_TOKEN)
        self.stage.hosts["slack.example"] = self.slack.answer
        self._open = AsyncExitStack()
        self.stage.at(-30, lambda: self._open.enter_async_context(self.slack.listening()))
        self.stage.pod(10, "web-1", status=FAILED)
        self.audit: list[tuple[str, str, str]] = []

    def at(self, instant: float, act: Callable[[], Awaitable[object]]) -> None:
        self.stage.at(instant, act)

    def press(self, instant: float, action: str, user: str = "U0ANN", option: int = 0) -> None:
        self.at(instant, lambda: self.slack.press(self.slack.roots()[0], action, user, option))

    def run(self, until: float) -> None:
        self.at(until - 1, self._look)
        self.at(until - 0.5, self.stop)
        self.stage.run(until)

    async def stop(self) -> None:
        await self._open.aclose()

    async def _look(self) -> None:
        assert self.stage.app is not None
        entries = await self.stage.app.state.audit(100)
        self.audit = [(entry.actor, entry.action, entry.detail) for entry in reversed(entries)]
        self.silences = self.stage.app.engine.insight.silences()

    def clicked(self, outcome: str) -> int:
        return self.stage.counted("clicks", destination="team-slack", outcome=outcome)

    def actions(self) -> list[str]:
        """Return the ids of the elements that can be pressed in the message."""
        blocks = [block for block in self.slack.roots()[0].blocks if block["type"] == "actions"]
        return [element["action_id"] for block in blocks for element in block["elements"]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


def test_an_acknowledgement_is_audited_and_the_message_shows_it(play: Play) -> None:
    play.press(30, "ack")
    play.run(until=60)
    assert play.audit == [("ann (U0ANN)", "acknowledged", "broken (shop, Pod/web-1)")]
    assert "ann (U0ANN)" in play.slack.roots()[0].all_text
    assert (play.clicked("acknowledged"), play.slack.whispers) == (1, [])


@pytest.mark.parametrize(
    ("option", "seconds", "is_until_resolved"), [(0, 3600, False), (1, 4 * 3600, False), (2, 24 * 3600, True)]
)
def test_a_silence_is_of_the_alerts_own_labels_and_for_a_day_at_most(
    play: Play, option: int, seconds: int, is_until_resolved: bool
) -> None:
    play.press(30, "silence", option=option)
    play.run(until=60)
    [silence] = play.silences
    assert silence.ends_at is not None
    assert (silence.ends_at - silence.starts_at).total_seconds() == seconds
    assert silence.is_until_resolved is is_until_resolved
    assert silence.owner == "ann (U0ANN)"
    assert "silenced until" in play.slack.roots()[0].all_text
    assert play.clicked("silenced") == 1


def test_a_silence_of_several_alerts_is_of_each_of_them_and_of_no_other(play: Play) -> None:
    play.stage.pod(10, "web-2", status=FAILED)
    play.press(30, "silence")
    play.stage.pod(100, "web-3", status=FAILED)
    play.run(until=140)
    assert play.stage.app is None
    assert [silence.asked.count("workload: ") for silence in play.silences] == [2]
    told = play.slack.thread(play.slack.roots()[0])
    assert "web-3" in told[-1].all_text


def test_the_end_of_an_incident_takes_the_buttons_away(play: Play) -> None:
    before: list[list[str]] = []
    play.stage.at(20, lambda: before.append(play.actions()))
    play.stage.pod(30, "web-1", status={"phase": "Running"})
    play.run(until=100)
    assert before == [["ack", "silence"]]
    assert play.actions() == []


def test_f_49_the_same_click_again_is_one_action(play: Play) -> None:
    """Also over another connection, and in an envelope of another name."""

    envelopes: list[Mapping[str, Any]] = []

    async def press() -> None:
        envelopes.append(await play.slack.press(play.slack.roots()[0], "silence", "U0ANN"))

    play.at(30, press)
    play.at(31, lambda: play.slack.deliver(envelopes[0]))
    play.at(40, play.slack.refresh)
    play.at(90, lambda: play.slack.deliver({**envelopes[0], "envelope_id": "another"}))
    play.run(until=120)
    assert play.slack.connections == 2
    assert len(play.silences) == 1
    assert (play.clicked("silenced"), play.clicked("replayed")) == (1, 2)
    assert [(actor, action) for actor, action, _ in play.audit] == [
        ("ann (U0ANN)", "silence added"),
        ("ann (U0ANN)", "click refused"),
        ("ann (U0ANN)", "click refused"),
    ]


def test_F49_without_the_name_of_the_press_the_same_click_is_two(play: Play) -> None:
    """As if somebody had pressed twice: another press is another action."""
    envelopes: list[Mapping[str, Any]] = []

    async def press() -> None:
        envelopes.append(await play.slack.press(play.slack.roots()[0], "silence", "U0ANN"))

    def again() -> Awaitable[object]:
        (action,) = envelopes[0]["payload"]["actions"]
        actions = [{**action, "action_ts": "1767269000.000001"}]
        payload = {**envelopes[0]["payload"], "actions": actions}
        return play.slack.deliver({**envelopes[0], "envelope_id": "another", "payload": payload})

    play.at(30, press)
    play.at(60, again)
    play.run(until=120)
    assert len(play.silences) == 2


@pytest.mark.parametrize("is_expired", [False, True])
def test_f_49_the_same_click_after_a_restart_is_no_second_action(play: Play, is_expired: bool) -> None:
    """Nor does it bring back a silence that somebody has ended meanwhile."""
    envelopes: list[Mapping[str, Any]] = []

    async def press() -> None:
        envelopes.append(await play.slack.press(play.slack.roots()[0], "silence", "U0ANN"))

    async def expire() -> None:
        assert play.stage.app is not None
        (silence,) = play.stage.app.engine.insight.silences()
        await play.stage.request("DELETE", f"/api/v1/silences/{silence.id}")

    play.at(30, press)
    if is_expired:
        play.at(40, expire)
    play.stage.absent(50, 60)
    play.at(90, lambda: play.slack.deliver(envelopes[0]))
    play.run(until=120)
    assert len(play.silences) == (0 if is_expired else 1)
    assert (play.clicked("silenced"), play.clicked("replayed")) == (1, 1)
    assert [action for _, action, _ in play.audit] == [
        "silence added",
        *(["silence expired"] if is_expired else []),
        "click refused",
    ]


def test_x_12_a_forged_value_is_refused_and_audited(play: Play) -> None:
    value = Signer("guessed", "team-slack").value(Wish(Action.ACK, "kw/x/1"), START)
    play.at(30, lambda: play.slack.send(value, "C042", "U0ANN"))
    play.run(until=60)
    assert play.audit == [("ann (U0ANN)", "click refused", "forged")]
    assert play.slack.whispers == [
        ("U0ANN", "Nothing was done: this button is none of this kwatch, or of a destination that is gone.")
    ]
    assert (play.clicked("forged"), play.clicked("acknowledged")) == (1, 0)


def test_who_is_not_allowed_is_refused_audited_and_told(play: Play) -> None:
    play.press(30, "ack", "U0EVE")
    play.run(until=60)
    assert play.audit == [("eve (U0EVE)", "click refused", "not_allowed")]
    assert play.slack.whispers == [
        ("U0EVE", "Nothing was done: you are not among those whom this destination allows to use its buttons.")
    ]


def test_who_is_in_an_allowed_group_is_allowed(play: Play) -> None:
    play.press(30, "ack", "U0BOB")
    play.run(until=60)
    assert play.audit == [("bob (U0BOB)", "acknowledged", "broken (shop, Pod/web-1)")]


def test_a_button_of_what_is_over_does_nothing_and_says_so(play: Play) -> None:
    kept: list[Any] = []
    play.stage.at(20, lambda: kept.append(play.slack.roots()[0].blocks[-1]["elements"][0]["value"]))
    play.stage.pod(30, "web-1", status={"phase": "Running"})
    play.at(60, lambda: play.slack.send(kept[0], "C042", "U0ANN"))
    play.run(until=90)
    assert (play.clicked("refused"), play.clicked("acknowledged"), play.audit) == (1, 0, [])
    [(user, text)] = play.slack.whispers
    assert (user, text[:49]) == ("U0ANN", "Nothing was done: nothing that fires has this fin")


def test_it_connects_again_when_slack_asks_for_it_and_when_the_connection_breaks(play: Play) -> None:
    async def break_twice() -> None:
        await play.slack.refresh()
        await play.slack.connected(2)
        await play.slack.cut()
        await play.slack.connected(3)

    play.at(30, break_twice)
    play.press(60, "ack")
    play.run(until=90)
    assert (play.slack.connections, play.clicked("acknowledged")) == (3, 1)


def test_a_reload_that_takes_the_buttons_away_ends_the_connection(play: Play) -> None:
    lines = [line for line in RULES.splitlines() if "app_token" not in line and "allow" not in line]
    seen: list[int] = []
    play.stage.at(30, lambda: seen.append(len(play.slack.sockets)))
    play.stage.reload(40, "\n".join(lines))
    play.stage.at(80, lambda: seen.append(len(play.slack.sockets)))
    play.run(until=90)
    assert seen == [1, 0]


def test_x_11_no_credential_is_in_the_log_or_in_what_is_kept(
    play: Play, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the app's token nor the address of a connection, also where listening fails."""
    caplog.set_level(logging.DEBUG, "kwatch")
    play.press(30, "ack")
    play.at(40, play.slack.cut)
    play.at(41, play.stop)
    play.run(until=300)
    assert [record.getMessage() for record in caplog.records].count("buttons do not work") > 1
    said = "".join(f"{vars(record)} {record.exc_text}" for record in caplog.records)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir() if path.is_file())
    assert (CANARY in said, CANARY.encode() in kept) == (False, False)


def test_a_reload_of_something_else_keeps_the_connection(play: Play) -> None:
    play.stage.reload(40, RULES.replace("group_interval: 10s", "group_interval: 20s"))
    play.press(80, "ack")
    play.run(until=110)
    assert (play.slack.connections, play.clicked("acknowledged")) == (1, 1)


def test_the_buttons_of_a_message(play: Play) -> None:
    seen: list[Any] = []
    play.stage.at(20, lambda: seen.extend(play.slack.roots()[0].blocks[-1]["elements"]))
    play.run(until=40)
    [ack, menu] = seen
    assert ack["text"] == {"type": "plain_text", "text": "Acknowledge", "emoji": False}
    assert [option["text"]["text"] for option in menu["options"]] == [
        "for 1 hour",
        "for 4 hours",
        "until resolved, 24 hours at most",
    ]
    assert menu["confirm"]["text"]["text"] == "All alerts of this message will be silent, and no others."


def test_without_an_app_token_there_are_no_buttons(tmp_path: Path) -> None:
    lines = [line for line in RULES.splitlines() if "app_token" not in line and "allow" not in line]
    stage = Stage(tmp_path, "\n".join(lines))
    stage.hosts["slack.example"] = stage.slack.answer
    stage.pod(10, "web-1", status=FAILED)
    stage.run(until=40)
    assert [block["type"] for block in stage.slack.roots()[0].blocks] == ["header", "section", "rich_text", "context"]
