"""The contract refuses what it must: each of its behaviours has a channel, or a stand-in, that is wrong in that."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import httpx
import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import NotificationKind
from kwatch.notify.channels import slack, webhook
from kwatch.testing import contract
from kwatch.testing.contract import BodyContract, Desk, EditContract, IncidentContract, StatusContract, ThreadContract
from kwatch.testing.vendors.slack import Slack
from kwatch.testing.vendors.webhook import Receiver
from tests.testing import ledger
from tests.testing.flaws import answers, credentials, messages, sound, threads


class Control(NamedTuple):
    """A behaviour, and what has to fail it."""

    behaviour: str
    flaw: Callable[..., Any]
    arguments: Mapping[str, Any] = MappingProxyType({})


class Generous(Receiver):
    """A stand-in that takes anything."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.documents.append(str(len(self.documents)))
        return httpx.Response(204)


class Narrow(Receiver):
    """A stand-in that takes nothing."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(413)


FIRING, RESOLVED = NotificationKind.FIRING, NotificationKind.RESOLVED
SILENT = {"error": httpx.ReadTimeout("silent"), "failure": Failure.AMBIGUOUS, "reason": Reason.TIMEOUT}
SEVENTEEN = {"headers": {"Retry-After": "17"}, "seconds": 17.0}

#: Flaws of a channel whose status says it all.
OVER_WEBHOOK = (
    Control("each_kind_says_what_where_and_how_it_is", messages.Mute, {"kind": FIRING}),
    Control("one_notification_is_one_message", messages.Repeating),
    Control("two_at_once_do_not_mix", messages.Absent),
    Control("an_end_is_told_as_what_it_is", messages.Stuck, {"kind": RESOLVED}),
    Control("an_end_says_what_has_ended_and_why", messages.Stuck),
    Control("the_facts_are_the_same_in_every_channel", messages.Stuck),
    Control("no_fact_is_left_out_where_there_are_many", messages.Stuck),
    Control("a_detail_with_the_name_of_another_fact_is_told_beside_it", messages.Stuck),
    Control("a_group_names_what_it_groups", messages.Stuck),
    Control("the_end_of_several_says_why_each_ended", messages.Stuck),
    Control("times_are_in_the_zone_of_the_destination", messages.ZoneBlind),
    Control("T09_a_template_of_the_users_is_in_every_message", messages.OwnWords, {"kind": FIRING}),
    Control("T09_a_template_of_the_users_is_in_the_plain_message", messages.OwnWords),
    Control("P9_F44_a_template_that_fails_is_replaced_and_named", messages.Discreet),
    Control("an_annotation_that_fails_costs_only_itself", messages.Discreet),
    Control("each_rendering_gives_the_same_bytes", messages.Restless),
    Control("F20_the_plain_message_says_what_and_where", messages.Mute),
    Control("F20_the_plain_message_is_the_shorter_one", messages.Verbose),
    Control("a_key_that_does_not_exist_is_refused", messages.Tolerant),
    Control("its_time_is_that_of_the_configuration", messages.Hasty),
    Control("one_message_is_under_way_unless_the_configuration_says_more", messages.Hasty),
    Control("the_longest_texts_are_told_within_the_limits", messages.Boundless, {"filling": "x", "degraded": False}),
    Control("texts_at_and_over_each_limit_are_told", messages.Boundless, {"filling": "x"}),
    Control("what_was_cut_says_so", messages.Cutter),
    Control("F45_X05_a_megabyte_of_control_characters_is_told_without_them", messages.Raw, {"degraded": False}),
    Control("X04_X06_what_looks_like_markup_can_still_be_read", messages.Escaping, {"hostile": "a & b"}),
    Control("a_thousand_alerts_are_counted_not_listed", messages.Boundless),
    Control("a_digest_of_a_bad_day_is_told_within_the_limits", messages.Boundless),
    Control("an_overflow_with_a_thousand_lines_is_told_within_the_limits", messages.Boundless),
    Control("what_follows_is_within_the_limits_too", messages.Boundless, {"kind": RESOLVED, "degraded": False}),
    Control("a_users_template_that_says_too_much_is_told_within_the_limits", messages.Boundless, {"degraded": False}),
    Control("X11_no_credential_is_in_a_message_or_its_thread", credentials.LeakyMessage),
    Control("X11_no_credential_is_in_what_prints_itself", credentials.LeakySelf),
    Control("X11_no_credential_is_in_the_log", credentials.LeakyLog),
    Control("X11_no_credential_is_in_the_error_of_a_refusal", credentials.LeakyError),
    Control(
        "X11_a_credential_that_was_rotated_is_redacted_as_soon_as_it_is_used",
        credentials.Secretive,
    ),
    Control("X11_no_credential_is_at_rest", credentials.LeakyMessage),
    Control("F22_a_wrong_credential_suspends_until_it_is_put_right", credentials.Stubborn),
    Control("F22_a_wrong_credential_suspends_until_it_is_put_right", credentials.Unrepentant),
    Control("a_credential_that_is_gone_suspends", credentials.Stubborn),
    Control("T03_T33_each_status_means_what_it_says", answers.Gullible, {"status": 302}),
    Control(
        "F16_F17_F19_a_pause_is_as_long_as_was_asked",
        answers.Impatient,
        {"headers": {"Retry-After": "17"}, "seconds": 17.0},
    ),
    Control("F16_503_with_retry_after_is_a_pause", answers.Impatient),
    Control("T28_T55_no_answer_is_a_failure_of_its_kind", credentials.Stubborn, SILENT),
    Control("F48_an_odd_answer_is_taken_or_refused_and_no_bug", answers.Trusting, {"status": 400}),
    Control("F14_an_answer_that_breaks_off_leaves_the_outcome_unknown", credentials.Stubborn),
    Control("F12_one_that_never_answers_costs_the_time_of_one_attempt", answers.Undying),
    Control("F13_one_that_trickles_costs_the_time_of_one_attempt", answers.Undying),
    Control("no_more_than_64_kib_of_an_answer_are_read", answers.Greedy),
    Control("F48_an_answer_that_unpacks_to_64_megabytes_takes_no_memory", answers.Greedy),
    Control("X10_F23_a_redirect_is_not_followed", answers.Follower, {"location": "/elsewhere"}),
    Control("what_the_vendor_takes_is_a_success", answers.Gibberish),
    Control("a_resend_has_the_same_bytes", messages.Restless),
    Control("F20_what_is_refused_is_told_once_more_plain", answers.Unbending),
    Control("X11_no_credential_is_in_the_error_of_any_answer", credentials.LeakyError),
    Control("X11_no_credential_is_in_a_dead_letter", credentials.LeakyError),
    Control("X16_an_answer_cannot_write_into_the_log", answers.Parrot, {"status": 400}),
    Control("no_cookie_is_kept", answers.Hoarder),
    Control("no_packed_answer_is_asked_for", answers.Packed),
    Control("nothing_breaks_out_of_a_header", answers.Torn),
    Control("proxy_and_authorities_are_those_of_the_destination", answers.Direct),
    Control("its_connections_are_closed_with_it", answers.Open),
    Control("T03_any_2xx_is_a_success", answers.Picky, {"status": 202}),
)
#: Flaws of a chat: the body says whether it was a success, there are threads, and messages are edited.
OVER_SLACK = (
    Control("X01_X15_nobody_can_be_mentioned", messages.RawPost, {"degraded": False}),
    Control("X02_no_address_is_behind_words", messages.RawPost, {"degraded": False}),
    Control("the_vendors_own_words_for_a_failure_are_understood", credentials.Stubborn),
    Control("F26_a_2xx_without_the_vendors_words_leaves_the_outcome_unknown", answers.Gullible, {"body": b"null"}),
    Control("F26_a_good_answer_that_is_cut_is_no_success", answers.Gullible),
    Control("an_incident_is_one_message_and_what_stands_below_it", threads.Forgetful),
    Control("an_update_says_what_is_new", messages.Stuck),
    Control("it_lands_in_its_thread_after_a_restart", threads.Forgetful),
    Control("another_incident_is_another_message", threads.Clinging),
    Control("S39_in_anothers_thread_its_root_stays_as_it_is", threads.Usurper),
    Control("an_end_whose_beginning_was_never_told_stands_for_itself", messages.Stuck),
    Control("X11_no_credential_is_in_what_a_thread_is_kept_by", credentials.LeakyReceipt),
    Control("the_root_shows_how_the_incident_is", threads.Guest),
    Control("news_that_call_nobody_only_edit", threads.Guest),
    Control("it_edits_its_own_message_after_a_restart", threads.Forgetful),
    Control("F27_a_root_that_is_gone_is_told_anew_once", threads.Faint),
)
#: Flaws of what keeps incidents.
OVER_LEDGER = (
    Control("an_incident_is_opened_once_and_ended", ledger.Optimist),
    Control("what_is_no_longer_observed_is_ended_too", ledger.Literalist),
    Control("F15_a_resend_opens_no_second_one", ledger.Novelist),
    Control("an_end_that_is_sent_twice_does_no_harm", ledger.Optimist),
    Control("the_next_episode_is_an_incident_of_its_own", ledger.Episodic),
    Control("an_end_ends_its_own_incident_only", ledger.Lumper),
    Control("it_is_ended_after_a_restart", ledger.Novelist),
)
#: Flaws of a stand-in.
STAND_INS = (
    Control("the_stand_in_takes_what_is_at_each_limit", Narrow),
    Control("the_stand_in_refuses_what_is_over_each_limit", Generous),
)


class OnWebhook(StatusContract):
    channel = webhook
    vendor = Receiver


class OnSlack(BodyContract, ThreadContract, EditContract):
    channel = slack
    vendor = Slack


class OnLedger(IncidentContract):
    channel = ledger.module
    vendor = ledger.Ledger  # type: ignore[assignment]  # it refuses nothing


def controlled() -> Iterator[tuple[type[Any], ModuleType, Control]]:
    """Yield each control with the suite it is for and the flawed channel."""
    for suite, table in ((OnWebhook, OVER_WEBHOOK), (OnSlack, OVER_SLACK)):
        yield from ((suite, sound.flawed(control.flaw, suite.channel), control) for control in table)
    yield from ((OnLedger, sound.flawed(control.flaw, ledger.module), control) for control in OVER_LEDGER)
    for control in STAND_INS:
        yield type("OnStandIn", (OnWebhook,), {"vendor": control.flaw}), webhook, control


CONTROLS = tuple(controlled())


def named(control: tuple[type[Any], ModuleType, Control]) -> str:
    return f"{control[2].behaviour}-{control[2].flaw.__name__}"


@pytest.fixture
def play(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Return a function that plays a behaviour of a suite on a channel."""

    def play(suite: type[Any], module: ModuleType, control: Control) -> None:
        behaviour = getattr(suite(), f"test_{control.behaviour}")
        given = {"tmp_path": tmp_path, "caplog": caplog, **control.arguments}
        wanted = set(inspect.signature(behaviour).parameters)
        with Desk(module, suite.vendor, tmp_path, suite().reach) as desk:
            behaviour(desk, **{name: value for name, value in given.items() if name in wanted})

    return play


@pytest.mark.parametrize("control", CONTROLS, ids=named)
def test_what_is_wrong_is_refused(play: Callable[..., None], control: tuple[type[Any], ModuleType, Control]) -> None:
    with pytest.raises((AssertionError, SendError, pytest.fail.Exception)):
        play(*control)


@pytest.mark.parametrize("control", CONTROLS, ids=named)
def test_what_is_sound_is_not(play: Callable[..., None], control: tuple[type[Any], ModuleType, Control]) -> None:
    """The same behaviour, with the same arguments, passes without the flaw."""
    suite, _, given = control
    others = {OnSlack: (slack, sound.Sound), OnLedger: (ledger.module, ledger.Clerk)}
    module, channel = others.get(suite, (webhook, sound.Sound))
    play(OnWebhook if given in STAND_INS else suite, sound.flawed(channel, module), given)


def test_every_behaviour_has_something_that_it_refuses() -> None:
    parts = [getattr(contract, name) for name in contract.__all__ if name.endswith("Contract")]
    behaviours = {name.removeprefix("test_") for part in parts for name in dir(part) if name.startswith("test_")}
    assert {control.behaviour for _, _, control in CONTROLS} == behaviours
    assert len(behaviours) == 87
