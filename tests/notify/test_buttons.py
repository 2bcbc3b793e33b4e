"""What a button's value says, to whom it is worth something, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.notify.blocks import buttons
from kwatch.notify.buttons import SILENCES, Action, Refusal, Seen, Signer, Wish
from kwatch.notify.page import OpenIncident, Page, Row

TOLD_AT = datetime(2026, 3, 1, 14, 14, tzinfo=UTC)
INCIDENT = "kw/abcdefghijklmnopqrstuvwxyz/12"
ACK = Wish(Action.ACK, INCIDENT)
SIGNER = Signer("secret", "team-slack")
VALUE = SIGNER.value(ACK, TOLD_AT)


@pytest.mark.parametrize("action", Action)
def test_a_value_comes_back_as_what_was_offered(action: Action) -> None:
    wish = Wish(action, INCIDENT)
    assert SIGNER.read(SIGNER.value(wish, TOLD_AT), TOLD_AT) == wish


def test_a_value_is_the_same_each_time_and_fits_into_an_option_of_a_menu() -> None:
    assert SIGNER.value(ACK, TOLD_AT) == VALUE
    assert len(VALUE) <= 150


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(days=7) - timedelta(seconds=1), ACK),
        (timedelta(days=7), Refusal.EXPIRED),
        (timedelta(days=400), Refusal.EXPIRED),
    ],
)
def test_a_value_is_good_for_seven_days(passed: timedelta, expected: Wish | Refusal) -> None:
    assert SIGNER.read(VALUE, TOLD_AT + passed) == expected


@pytest.mark.parametrize(
    "signer",
    [Signer("another", "team-slack"), Signer("secret", "ops-slack")],
    ids=["other kwatch", "other destination"],
)
def test_x_12_a_value_of_another_is_forged(signer: Signer) -> None:
    assert SIGNER.read(signer.value(ACK, TOLD_AT), TOLD_AT) is Refusal.FORGED


@pytest.mark.parametrize(
    "value", ["", ".", "a.b", "ack", "é.é", VALUE + "=", VALUE + ".", VALUE.partition(".")[0], "." + VALUE]
)
def test_x_12_what_is_no_value_is_forged(value: str) -> None:
    assert SIGNER.read(value, TOLD_AT) is Refusal.FORGED


@given(st.integers(0, len(VALUE) - 1), st.characters())
def test_x_12_a_value_with_any_other_character_is_forged(at: int, other: str) -> None:
    changed = VALUE[:at] + other + VALUE[at + 1 :]
    assert SIGNER.read(changed, TOLD_AT) == (ACK if changed == VALUE else Refusal.FORGED)


@given(st.text())
def test_reading_never_fails(value: str) -> None:
    assert SIGNER.read(value, TOLD_AT) is Refusal.FORGED


def test_no_silence_of_a_button_is_longer_than_a_day() -> None:
    assert SILENCES == {
        Action.SILENCE_1H: {"for": "1h"},
        Action.SILENCE_4H: {"for": "4h"},
        Action.SILENCE_UNTIL_RESOLVED: {"for": "24h", "until_resolved": True},
    }


def test_f_49_what_has_come_by_any_of_its_names_is_not_new() -> None:
    seen = Seen()
    click = (("envelope", "e-1"), ("action", "17.1", "U0ANN"))
    assert seen.is_new(click, TOLD_AT)
    assert not seen.is_new(click, TOLD_AT)
    assert not seen.is_new((("envelope", "e-2"), ("action", "17.1", "U0ANN")), TOLD_AT + timedelta(minutes=10))
    assert seen.is_new((("envelope", "e-3"), ("action", "17.1", "U0BOB")), TOLD_AT + timedelta(minutes=10))


def test_what_has_come_is_forgotten_after_a_while() -> None:
    seen = Seen()
    assert seen.is_new((("envelope", "e-1"),), TOLD_AT)
    assert seen.is_new((("envelope", "e-1"),), TOLD_AT + timedelta(minutes=15))


@pytest.mark.parametrize(
    ("url", "runbook", "links"),
    [
        (
            "https://k.example.com/#f",
            "https://r.example.com/a",
            ["https://k.example.com/#f", "https://r.example.com/a"],
        ),
        ("", "https://r.example.com/a", ["https://r.example.com/a"]),
        ("https://k.example.com/#f", "", ["https://k.example.com/#f"]),
        ("", "https://r.example.com/" + "a" * 3000, []),
    ],
)
def test_beside_them_are_the_ways_to_details_and_runbook(url: str, runbook: str, links: list[str]) -> None:
    sentences = (Row("Next", "kubectl logs"), *([Row("Runbook", runbook, is_link=True)] if runbook else []))
    page = Page(title="t", url=url, sentences=sentences, incident=OpenIncident(INCIDENT, TOLD_AT))
    [block] = buttons(page, SIGNER)
    assert [element["url"] for element in block["elements"] if "url" in element] == links
    assert [element["action_id"] for element in block["elements"]][:2] == ["ack", "silence"]
