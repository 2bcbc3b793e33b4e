"""What all chats do alike, each at its vendor, beside the contract of all channels."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kwatch.clock import Clock
from kwatch.model.notifications import NotificationKind, Part, Section, Thread
from kwatch.model.rules import Severity
from kwatch.testing.contract import Desk
from kwatch.testing.vendors.discord import Discord, DiscordForum
from kwatch.testing.vendors.googlechat import GoogleChat
from kwatch.testing.vendors.matrix import Matrix
from kwatch.testing.vendors.mattermost import Mattermost, MattermostHook
from kwatch.testing.vendors.slack import Slack, SlackWebhook
from kwatch.testing.vendors.teams import Teams
from kwatch.testing.vendors.telegram import Telegram
from tests.notify.chat_kit import big_facts, desk_of, hostile_facts
from tests.notify.samples import alert, content

FIRING, UPDATE, RESOLVED = NotificationKind.FIRING, NotificationKind.UPDATE, NotificationKind.RESOLVED

Make = Callable[..., Desk]

#: Case → channel, its vendor, more keys.
CASES: dict[str, tuple[str, Callable[[Clock], Any], dict[str, Any]]] = {
    "slack": ("slack", Slack, {}),
    "slack-webhook": ("slack", SlackWebhook, {}),
    "discord": ("discord", Discord, {}),
    "discord-forum": ("discord", DiscordForum, {}),
    "telegram": ("telegram", Telegram, {}),
    "teams": ("teams", Teams, {}),
    "matrix": ("matrix", Matrix, {}),
    "googlechat": ("googlechat", GoogleChat, {}),
    "mattermost": ("mattermost", Mattermost, {}),
    "mattermost-hook": ("mattermost", MattermostHook, {}),
}
#: Where a message that was posted can be changed, and where something can stand below another.
EDITING = ("slack", "discord", "discord-forum", "telegram", "mattermost", "matrix")
THREADED = ("slack", "discord-forum", "telegram", "mattermost", "matrix")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that opens a desk for a case, with more keys."""
    with ExitStack() as desks:

        def create(case: str, **keys: Any) -> Desk:
            kind, vendor, own = CASES[case]
            return desks.enter_context(desk_of(kind, vendor, tmp_path, **{**own, **keys}))

        yield create


def flowing(text: str) -> str:
    """Return what is said, however it is laid out."""
    return " ".join(text.replace("• ", "").split())


TITLE = "🔴 CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"


@pytest.mark.parametrize("case", EDITING)
def test_an_incident_is_one_message_that_is_edited_and_its_news(make: Make, case: str) -> None:
    desk = make(case)
    thread = Thread(desk.tell(content()))
    grown = content(alert(is_new=False), alert(rule="oom-kill", fingerprint="f2"), kind=UPDATE)
    desk.tell(grown, thread, sequence=2)
    desk.tell(content(kind=RESOLVED), thread, sequence=3)

    root, news, end = desk.shown
    assert root.edits == 2
    assert root.text.startswith("✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×")
    assert flowing(news.text) == (
        "🔴 CRITICAL · crash-loop, oom-kill · payments/Deployment/worker · since 14:02 UTC "
        "oom-kill · payments/Deployment/worker · firing since 14:02 UTC (12 m) "
        "Deployment/worker keeps crashing (about 30 in the window of the rule, 43 in all)"
    )
    assert flowing(end.text) == (
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43× "
        "RESOLVED after 12 m: 14:02 UTC to 14:14 UTC, it is healthy again"
    )
    assert {news.thread, end.thread} == ({root.id} if case in THREADED else {""})


@pytest.mark.parametrize("case", CASES)
def test_S39_in_anothers_thread_nothing_is_edited(make: Make, case: str) -> None:
    desk = make(case)
    guest = Thread(desk.tell(content(kind=NotificationKind.SUMMARY)), is_own=False)
    desk.tell(content(), guest, sequence=2)
    desk.tell(content(kind=RESOLVED), guest, sequence=3)
    assert [shown.edits for shown in desk.shown] == [0, 0, 0]
    assert [shown.text.splitlines()[0] for shown in desk.shown[1:]] == [
        TITLE,
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×",
    ]


@pytest.mark.parametrize("case", EDITING)
def test_F27_what_is_to_be_edited_and_is_gone_is_posted_anew_once(make: Make, case: str) -> None:
    desk = make(case)
    first = desk.tell(content())
    desk.vendor.delete(desk.shown[0].id)
    second = desk.tell(content(kind=RESOLVED), Thread(first), sequence=2)
    assert second != first
    assert [shown.text.splitlines()[0] for shown in desk.shown] == [
        "✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker · 43×"
    ]
    desk.tell(content(alert(count=44), kind=RESOLVED), Thread(second), sequence=3)
    assert desk.shown[0].edits == 1


@pytest.mark.parametrize("case", CASES)
def test_a_digest_lists_its_parts(make: Make, case: str) -> None:
    desk = make(case)
    views = (alert(rule="oom-kill"), *(alert(rule=f"rule-{n}") for n in range(11)))
    sections = (Section(Part.NEW, 1, 1), Section(Part.STILL_OPEN, 40, 11))
    desk.tell(content(*views, kind=NotificationKind.DIGEST, sections=sections))
    text = flowing(desk.shown[0].text)
    for words in (
        "1 new, 40 still open",
        "New (1)",
        "oom-kill · payments",
        "Still open (40)",
        "rule-9 ·",
        "and 30 more",
    ):
        assert words in text
    assert "rule-10" not in text


@pytest.mark.parametrize("case", CASES)
def test_a_template_of_the_users_takes_the_place_of_the_layout(make: Make, case: str) -> None:
    desk = make(case, template={"title": "MARK {{ severity }}", "text": "first *line*\nsecond {{ alerts[0].rule }}"})
    desk.tell()
    assert desk.shown[0].text == "MARK critical\nfirst *line*\nsecond crash-loop"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("degraded", [False, True])
def test_X01_X02_X05_X06_X15_hostile_text_is_only_text(make: Make, case: str, degraded: bool) -> None:
    desk = make(case)
    desk.tell(hostile_facts(), degraded=degraded)
    [shown] = desk.shown
    assert shown.pings == ()
    assert shown.links == ()
    assert "\u202e" not in shown.text
    assert "@everyone @here @all" in shown.text.replace("\u200b", "")
    assert "[kubectl](https://evil.example.com)" in shown.text


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("words", ["@all,@everyone,@here", "a)[kubectl](https://evil.example.com)"])
def test_X02_X15_what_others_wrote_into_a_runbook_is_only_a_part_of_its_link(make: Make, case: str, words: str) -> None:
    desk = make(case)
    labels = {**alert().labels, "reason": words}
    desk.tell(content(alert(labels=labels, annotations={"runbook": "https://wiki.example.com/{{ reason }}"})))
    [shown] = desk.shown
    assert (shown.pings, shown.links) == ((), ())


@pytest.mark.parametrize("case", EDITING)
def test_news_are_as_harmless_as_the_rest(make: Make, case: str) -> None:
    desk = make(case)
    thread = Thread(desk.tell())
    desk.tell(content(*hostile_facts().alerts, kind=RESOLVED), thread, sequence=2)
    assert [(shown.pings, shown.links) for shown in desk.shown] == [((), ())] * 2


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("case", CASES)
@given(text=st.text(max_size=600), kind=st.sampled_from(NotificationKind))
def test_whatever_is_said_is_taken(make: Make, case: str, text: str, kind: NotificationKind) -> None:
    desk = make(case)
    for sequence, facts in enumerate(big_facts(text, kind=kind), 1):
        desk.tell(facts, sequence=sequence)
    assert len(desk.shown) == 2


@pytest.mark.parametrize("case", CASES)
def test_the_plain_form_has_title_and_text(make: Make, case: str) -> None:
    desk = make(case)
    desk.tell(degraded=True)
    [shown] = desk.shown
    assert shown.text.splitlines()[:2] == [TITLE, "FIRING since 14:02 UTC (12 m)"]
    assert "payments/Deployment/worker" in shown.text


#: Case → how a mention is configured, and who is called by it.
MENTIONS = {
    "slack": ("@here", "!here"),
    "discord": ("<@&42>", "<@&42>"),
    "mattermost": ("@channel", "@channel"),
    "matrix": ("@room", "@room"),
    "telegram": ("@ann_ops", "@ann_ops"),
}


@pytest.mark.parametrize("case", MENTIONS)
def test_a_mention_is_made_when_an_incident_opens_or_rises(make: Make, case: str) -> None:
    words, ping = MENTIONS[case]
    desk = make(case, mention={"critical": words})
    thread = Thread(desk.tell())
    assert desk.shown[0].pings == (ping,)
    desk.tell(content(kind=NotificationKind.REPEAT), thread, sequence=2)
    desk.tell(content(alert(severity=Severity.WARNING)), sequence=3)
    desk.tell(content(is_quiet=True), sequence=4)
    desk.tell(content(kind=UPDATE, is_raised=True), thread, sequence=5)
    assert [shown.pings for shown in desk.shown] == [(), (), (), (), (ping,)]
