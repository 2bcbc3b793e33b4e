"""What annotations ask for, read one by one. P12."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.alerts.wishes import Ignored, Wishes, own, read_wishes
from kwatch.model.rules import Severity
from kwatch.model.self_service import SelfService, Watching, Wish

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = SelfService(
    receivers=frozenset({"web", "ops"}), severities=frozenset({Severity.INFO, Severity.CRITICAL}), watch=Watching.OPT_IN
)
NOTHING = SelfService(longest_mute=timedelta(0), runbook=False)


def read(key: str, value: str, allowed: SelfService = ALL) -> Wishes:
    return read_wishes({f"kwatch/{key}": value}, allowed, NOW)


@pytest.mark.parametrize(
    ("key", "value", "wishes"),
    [
        ("mute-until", "2026-03-01T18:00:00Z", Wishes(mute_until=datetime(2026, 3, 1, 18, tzinfo=UTC))),
        ("mute-until", "2026-03-01T18:00:00+05:00", Wishes(mute_until=datetime(2026, 3, 1, 13, tzinfo=UTC))),
        ("mute-until", "2026-03-08T12:00:00Z", Wishes(mute_until=datetime(2026, 3, 8, 12, tzinfo=UTC))),
        ("mute-until", "2026-03-01T12:00:00Z", Wishes()),
        ("mute-until", "0001-01-01T00:00:00+14:00", Wishes()),
        ("mute-reason", " moving ", Wishes(mute_reason="moving")),
        ("receiver", "web", Wishes(receiver="web")),
        ("severity", "critical", Wishes(severity=Severity.CRITICAL)),
        ("runbook", "https://runbooks.example.com/a-b?c=d#e", Wishes(runbook="https://runbooks.example.com/a-b?c=d#e")),
        ("watch", "true", Wishes(watch=True)),
        ("watch", "false", Wishes(watch=False)),
    ],
)
def test_what_is_asked_for(key: str, value: str, wishes: Wishes) -> None:
    assert read(key, value) == wishes


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("mute-until", "", "unreadable"),
        ("mute-until", "2026-03-01", "unreadable"),
        ("mute-until", "2026-03-01T18:00:00", "unreadable"),
        ("mute-until", "1772000000", "unreadable"),
        ("mute-until", "2026-03-08T12:00:01Z", "too_long"),
        ("mute-until", "9999-12-31T23:59:59-14:00", "too_long"),
        ("mute-reason", "x" * 501, "too_long"),
        ("receiver", "*", "not_offered"),
        ("receiver", "", "not_offered"),
        ("severity", "warning", "not_offered"),
        ("severity", "Critical", "not_offered"),
        ("runbook", "ftp://a.example", "unreadable"),
        ("runbook", "http://a.example", "unreadable"),
        ("runbook", "https://ann@a.example", "unreadable"),
        ("runbook", "https://a.example:8443/b", ""),
        ("runbook", "https://a.example?b", ""),
        ("runbook", "https://", "unreadable"),
        ("runbook", "https://a.example/{{ x }}", "unreadable"),
        ("runbook", "https://a.example/\n", ""),
        ("runbook", "https://a.example/<script>", "unreadable"),
        ("watch", "no", "unreadable"),
        ("mute", "x", "unknown"),
        ("", "x", "unknown"),
    ],
)
def test_what_cannot_be_used_is_ignored_with_its_reason(key: str, value: str, reason: str) -> None:
    assert [ignored.reason for ignored in read(key, value).ignored] == ([reason] if reason else [])


@pytest.mark.parametrize("wish", list(Wish))
def test_what_is_not_allowed_is_denied_whatever_it_says(wish: Wish) -> None:
    says = "the configuration does not allow it, see `self_service`"
    assert read_wishes({wish.value: "true"}, NOTHING, NOW) == Wishes(ignored=(Ignored(wish.value, "denied", says),))


def test_annotations_of_others_are_left_alone() -> None:
    found = own({"kwatch/watch": "true", "kwatch.io/watch": "true", "a": "b", "kwatch/runbook": "x" * 1000})
    assert found == {"kwatch/runbook": "x" * 501, "kwatch/watch": "true"}


def test_only_so_many_are_read() -> None:
    assert len(own({f"kwatch/{number}": "" for number in range(1000)})) == 20


@given(st.dictionaries(st.sampled_from([wish.value for wish in Wish]) | st.text(), st.text()))
def test_any_text_gives_an_answer(annotations: dict[str, str]) -> None:
    wishes = read_wishes(own(annotations), ALL, NOW)
    assert len(wishes.ignored) <= len(annotations)
