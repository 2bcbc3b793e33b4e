"""Every option of every destination makes a difference (T43): with another value something else is sent."""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from kwatch.config.receivers import channel_config, channel_types
from kwatch.errors import SendError
from kwatch.notify.base import ChannelConfig
from kwatch.testing.contract import Desk, Suite
from tests.faults.services import SERVICES

ROOT = Path(__file__).parents[2]
HERE = {"critical": "@here"}
#: A secret that is read from FOLDER/other-NAME; the files are written below.
URL, TOKEN = {"file": "FOLDER/other-url"}, {"file": "FOLDER/other-token"}
SECRETS = {
    "other-url": "https://discord.com/api/webhooks/1/other",
    "other-token": "110201543:other-AAHdqTcvCH1vGWJxfSeof",
    "other-key": "whsec_a3dhdGNoLXRlc3Qtc2VjcmV0LTAwMDAwMA==",
    "other-routing-key": "0" * 32,
}
#: Another value of an option, by channel.
OTHER: dict[str, dict[str, Any]] = {
    "alertmanager": {"urls": ["http://other:9093/"], "token": TOKEN},
    "discord": {"url": URL, "thread": "42", "forum": True, "mention": {"critical": "<@42>"}},
    "googlechat": {"url": URL, "mention": {"critical": "<users/all>"}},
    "grafana": {"url": URL},
    "incidentio": {"url": "https://api.incident.io/v2/alert_events/http/other", "token": TOKEN},
    "matrix": {
        "server": "https://other.example.com",
        "room": "!other:example.com",
        "token": TOKEN,
        "mention": {"critical": "@room"},
    },
    "mattermost": {"server": "https://other.example.com", "channel": "z" * 26, "token": TOKEN, "mention": HERE},
    "opsgenie": {"api_url": "https://api.eu.opsgenie.com/v2/", "api_key": TOKEN},
    "pagerduty": {
        "api_url": "https://events.eu.pagerduty.com/v2/",
        "routing_key": {"file": "FOLDER/other-routing-key"},
    },
    "slack": {"api_url": "https://other.example.com/api/", "channel": "C7", "token": TOKEN, "mention": HERE},
    "teams": {"url": URL, "mention": {"critical": "ann@example.com"}},
    "telegram": {
        "api_url": "https://other.example.com",
        "chat": "-42",
        "topic": 7,
        "token": TOKEN,
        "mention": {"critical": "@ann_ops"},
    },
    "webhook": {
        "url": "https://other.example.com/",
        "body": {"a": "b"},
        "format": "cloudevents",
        "headers": {"X-A": "b"},
        "sign": {"file": "FOLDER/other-key"},
    },
}
#: What every destination has, and what shows on the wire of one.
COMMON: dict[str, Any] = {
    "ca": "FOLDER/ca.pem",
    "cert": "FOLDER/client.pem",
    "key": "FOLDER/client.key",
    "proxy": "http://proxy:3128",
    "timeout": "7s",
    "language": "zh",
    "timezone": "Asia/Tokyo",
    "template": {"title": "look"},
}
#: What shows elsewhere than in one message: the test that flips it.
ELSEWHERE = {
    "concurrency": "test_lanes_go_in_parallel_up_to_the_concurrency",
    "digest": "test_a_digest_destination_is_told_nothing_else",
    "fallback": "test_F22_a_wrong_token_is_told_the_fallback_with_what_waits_and_its_end",
    "lifecycle": "test_a_start_and_a_stop_are_told_where_it_is_wanted_and_nowhere_else",
    "name": "test_what_fires_is_told_to_it_in_one_summary_and_repeated",
    "pace": "test_slack_has_a_pace_of_its_own",
    "send_resolved": "test_a_destination_hears_what_it_asks_for",
    "severity": "test_a_destination_hears_what_it_asks_for",
    "type": "test_T03_T47_every_service_is_told_that_it_begins_and_that_it_ends",
    "alertmanager.username": "test_authorization",
    "alertmanager.password": "test_authorization",
    "alertmanager.resend": "test_what_goes_on_lasts_four_times_as_long_as_until_it_is_posted_again",
    "apprise.url": "test_title_text_and_kind_are_told",
    "mattermost.url": "test_a_bot_edits_and_a_webhook_does_not",
    "pagerduty.change_events": "test_which_notices_are_incidents",
    "slack.allow": "test_who_is_not_allowed_is_refused_audited_and_told",
    "slack.app_token": "test_without_an_app_token_there_are_no_buttons",
    "slack.url": "test_P7_a_blocked_mail_server_delays_nobody_else",
    "smtp.from": "test_the_headers_of_a_first_mail",
    "smtp.host": "test_T10_mail_says_what_it_is_about_over_any_transport",
    "smtp.password": "test_T10_mail_says_what_it_is_about_over_any_transport",
    "smtp.port": "test_T10_mail_says_what_it_is_about_over_any_transport",
    "smtp.return_path": "test_bounces_go_to_the_return_path",
    "smtp.tls": "test_T10_mail_says_what_it_is_about_over_any_transport",
    "smtp.to": "test_T35_what_a_mail_server_refuses_is_no_success",
    "smtp.token": "test_an_access_token_is_sent_as_xoauth2_asks",
    "smtp.username": "test_T10_mail_says_what_it_is_about_over_any_transport",
}
FLIPPED = [(channel, key, value) for channel, keys in OTHER.items() for key, value in keys.items()]
FLIPPED += [(channel, key, value) for channel in OTHER for key, value in COMMON.items()]


def options() -> Iterator[tuple[str, str]]:
    for channel in channel_types():
        for name, field in channel_config(channel).model_fields.items():
            yield channel, field.alias or name


def test_T43_every_option_is_flipped_somewhere() -> None:
    flipped = {(channel, key) for channel, key, _ in FLIPPED}
    common = set(ChannelConfig.model_fields)
    unseen = [
        f"{channel}.{key}"
        for channel, key in options()
        if not ((channel, key) in flipped or key in common or f"{channel}.{key}" in ELSEWHERE)
    ]
    assert unseen == []
    assert common - set(COMMON) - set(ELSEWHERE) == set()


def test_T43_what_is_flipped_elsewhere_is() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    names = {name for text in texts for name in re.findall(r"def (test_\w+)", text)}
    assert sorted(set(ELSEWHERE.values()) - names) == []


@contextmanager
def desk_of(channel: str, folder: Path) -> Iterator[Desk]:
    module = importlib.import_module(f"kwatch.notify.channels.{channel}")
    vendor = getattr(importlib.import_module(f"kwatch.testing.vendors.{channel}"), SERVICES[channel][0])
    with Desk(module, vendor, folder, Suite().reach) as desk:
        yield desk


def located(value: Any, folder: Path) -> Any:
    match value:
        case str():
            return value.replace("FOLDER", str(folder))
        case dict():
            return {key: located(each, folder) for key, each in value.items()}
        case list():
            return [located(each, folder) for each in value]
    return value


def seen(desk: Desk, **keys: Any) -> object:
    """Return all that shows of one message: how long it may take, how it goes there, and what is asked for."""
    channel = desk.create(**keys)
    before = len(desk.wire.requests)
    try:
        desk.tell(channel=channel)
    except SendError:
        pass  # of a vendor who does not know it
    asked = [(each.method, str(each.url), each.headers.raw, each.content) for each in desk.wire.requests[before:]]
    return channel.timeout, desk.wire.connections[-1], asked


@pytest.mark.parametrize(("channel", "key", "value"), FLIPPED, ids=[f"{each[0]}.{each[1]}" for each in FLIPPED])
def test_T43_another_value_of_an_option_shows(tmp_path: Path, channel: str, key: str, value: Any) -> None:
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = authority.issue_cert("client.example.com")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    pair = {"cert": "FOLDER/client.pem", "key": "FOLDER/client.key"}
    keys = pair if key in pair else {key: value}
    with desk_of(channel, tmp_path) as desk:
        assert seen(desk, **located(keys, tmp_path)) != seen(desk)
