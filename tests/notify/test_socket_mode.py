"""What is read from an envelope of Slack."""

from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest

from kwatch.notify.clicks import Click
from kwatch.notify.socket_mode import clicks_in

#: As in https://docs.slack.dev/reference/interaction-payloads/block_actions-payload, what kwatch reads of it.
PRESSED: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U0ANN", "username": "ann", "name": "ann", "team_id": "T1"},
    "channel": {"id": "C042", "name": "alerts"},
    "actions": [{"action_id": "ack", "type": "button", "value": "v.s", "action_ts": "1767268800.000001"}],
}


def read(payload: dict[str, Any], kind: str = "interactive") -> tuple[Click, ...]:
    return clicks_in(SocketModeRequest(kind, "e-1", payload))


def click(value: str, id_: str) -> Click:
    return Click(
        id=id_,
        names=(("envelope", "e-1", "1767268800.000001"), ("action", "1767268800.000001", "U0ANN")),
        user="U0ANN",
        user_name="ann",
        value=value,
        room="C042",
    )


def test_a_press_of_a_button_is_a_click() -> None:
    assert read(PRESSED) == (click("v.s", "rpjnwpwwma"),)


def test_a_choice_of_a_menu_is_a_click() -> None:
    chosen = {"selected_option": {"value": "w.s"}, "action_ts": "1767268800.000001"}
    assert read({**PRESSED, "actions": [chosen]}) == (click("w.s", "i6kn4pyqtj"),)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("interactive", {"type": "view_submission"}),
        ("events_api", {}),
        ("interactive", {"actions": []}),
        ("interactive", {"actions": [{"action_id": "details", "url": "https://kwatch.example", "action_ts": "1.1"}]}),
    ],
)
def test_anything_else_is_none(kind: str, changes: dict[str, Any]) -> None:
    assert read({**PRESSED, **changes}, kind) == ()


def test_who_clicked_is_named_without_what_could_pass_for_something_else() -> None:
    [found] = read({**PRESSED, "user": {"id": "U0ANN", "username": "ann\n\u202eroot"}})
    assert found.actor == "ann root (U0ANN)"
