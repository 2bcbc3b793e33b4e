"""CloudEvents as an independent library reads them, and the document as its published schema describes it."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from standardwebhooks import Webhook

import kwatch.notify
from kwatch.model.notifications import Content, NotificationKind
from kwatch.notify import cloudevents
from kwatch.notify.channels import webhook
from kwatch.testing.contract.messages import facts_of
from kwatch.testing.receivers import WebhookReceiver
from tests.notify.samples import ALONE, StillClock, alert, content, delivery, notification, tools_for

SCHEMA = json.loads((Path(kwatch.notify.__file__).parent / "schemas" / "webhook-v1.json").read_text())
FORMATS = ["cloudevents", "cloudevents-binary"]
KEY = "whsec_a3dhdGNoLXRlc3Qtc2VjcmV0LTAwMDAwMA=="
NEW_KEY = "whsec_bmV3LWtleS1mb3ItdGhlLXJvdGF0aW9uLTAwMA=="


def sent(
    facts: Content | None = None, clock: StillClock | None = None, *, degraded: bool = False, **keys: Any
) -> httpx.Request:
    """Send once, and return what the receiver got."""
    receiver = WebhookReceiver()
    tools = tools_for(httpx.MockTransport(receiver.answer), clock)
    config = webhook.Config.model_validate({"type": "webhook", "url": "https://hooks.example.com/in", **keys})
    channel = webhook.create(config, tools)
    of = notification(facts)
    message = channel.render(of, ALONE, degraded=degraded)
    asyncio.run(channel.send(message, delivery(of, message)))
    [request] = receiver.requests
    return request


def event_of(request: httpx.Request) -> BaseCloudEvent:
    """Read a request as the library of the CloudEvents project does."""
    return from_http(HTTPMessage(dict(request.headers), request.content), JSONFormat())


def test_a_structured_event_is_one_json_document() -> None:
    request = sent(format="cloudevents")
    document = json.loads(request.content)
    data = document.pop("data")
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert document == {
        "specversion": "1.0",
        "id": "n7qf3-1",
        "source": "/kwatch/prod-eu.kwatch/prod-eu",
        "type": "kwatch.alert.firing.v1",
        "subject": "7qf3zk2m5x4w6y1a9bcdefghij",
        "time": "2026-03-01T14:02:00Z",
        "datacontenttype": "application/json",
        "severity": "critical",
    }
    assert (data["version"], data["id"]) == (1, "n7qf3-1")


def test_a_binary_event_is_the_document_with_headers() -> None:
    request = sent(format="cloudevents-binary")
    assert {name: value for name, value in request.headers.items() if name.startswith("ce-")} == {
        "ce-specversion": "1.0",
        "ce-id": "n7qf3-1",
        "ce-source": "/kwatch/prod-eu.kwatch/prod-eu",
        "ce-type": "kwatch.alert.firing.v1",
        "ce-subject": "7qf3zk2m5x4w6y1a9bcdefghij",
        "ce-time": "2026-03-01T14:02:00Z",
        "ce-severity": "critical",
    }
    assert request.headers["content-type"] == "application/json"
    assert request.content == sent().content


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", NotificationKind)
def test_the_library_reads_what_was_meant(form: str, kind: NotificationKind) -> None:
    facts = facts_of(kind)
    event = event_of(sent(facts, format=form))
    is_of_alerts = kind.value in {"firing", "update", "repeat", "resolved", "expired", "notice"}
    assert event.get_type() == f"kwatch.{'alert.' if is_of_alerts else ''}{kind.value}.v1"
    assert event.get_id() == "n7qf3-1"
    assert event.get_subject() == ("7qf3zk2m5x4w6y1a9bcdefghij" if facts.alert_count == 1 else "kw/g5h2j7/1")
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["kind"] == kind.value


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        (NotificationKind.FIRING, datetime(2026, 3, 1, 14, 2, tzinfo=UTC)),
        (NotificationKind.REPEAT, datetime(2026, 3, 1, 14, 14, tzinfo=UTC)),
        (NotificationKind.RESOLVED, datetime(2026, 3, 1, 14, 14, tzinfo=UTC)),
    ],
)
def test_the_time_is_that_of_the_transition(kind: NotificationKind, at: datetime) -> None:
    assert event_of(sent(content(kind=kind), format="cloudevents")).get_time() == at


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("plain/~!#$&'()*+,-.:;<=>?@[]^_`{|}", "plain/~!#$&'()*+,-.:;<=>?@[]^_`{|}"),
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),  # the example of the binding, 3.1.3.2
        ('a "b" 100%', "a%20%22b%22%20100%25"),
        ("x\r\nce-id: evil", "x%0D%0Ace-id:%20evil"),
        ("\ud800", "%3F"),
    ],
)
def test_header_values_are_percent_encoded(value: str, encoded: str) -> None:
    assert cloudevents.encode(value) == encoded


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_value_is_read_back_as_it_was(value: str) -> None:
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": value or "-"}
    assert event_of(
        httpx.Request("POST", "https://hooks.example.com/", headers=dict(cloudevents.headers(attributes)))
    ).get_subject() == (value or "-")


def test_a_hostile_cluster_is_one_header() -> None:
    request = sent(content(cluster="prod eu\r\nX-Evil: 1"), format="cloudevents-binary")
    assert request.headers["ce-source"] == "/kwatch/prod-eu.kwatch/prod%2520eu%250D%250AX-Evil%253A%25201"
    assert "x-evil" not in request.headers


@pytest.mark.parametrize("form", FORMATS)
def test_a_body_of_ones_own_is_the_data(form: str) -> None:
    event = event_of(sent(format=form, body={"rule": "{{ alerts[0].rule }}", "count": "{{ alerts[0].count }}"}))
    assert event.get_data() == {"rule": "crash-loop", "count": 43}


@pytest.mark.parametrize("degraded", [False, True])
def test_an_event_is_as_small_as_a_document(degraded: bool) -> None:
    many = tuple(alert(fingerprint=f"f{n}", message="x" * 5000) for n in range(100))
    body = sent(content(*many), degraded=degraded, format="cloudevents").content
    assert len(body) <= (4096 if degraded else 20 * 1024)
    assert json.loads(body)["data"]["truncated"] is True


@pytest.mark.parametrize("form", ["json", *FORMATS])
def test_X14_the_library_of_standard_webhooks_verifies_with_either_key(tmp_path: Path, form: str) -> None:
    (tmp_path / "key").write_text(f"{NEW_KEY} {KEY}\n")
    clock = StillClock()
    clock.at = datetime.now(UTC)  # the library refuses what is older than five minutes
    request = sent(clock=clock, format=form, sign={"file": str(tmp_path / "key")})
    for key in (KEY, NEW_KEY):
        Webhook(key).verify(request.content, dict(request.headers))


def test_the_vector_of_the_specification_is_what_the_library_signs() -> None:
    at = datetime.fromtimestamp(1700000000, UTC)
    signed = Webhook(KEY).sign("msg_1", at, '{"a":1}')
    assert signed == "v1,DgLFnzK8q77veQmY4bGN/jpYTm/voUJLCFP9cfYXDVI="
    assert webhook.signature([KEY], "msg_1", "1700000000", b'{"a":1}') == signed


def described(tree: Any, schema: Mapping[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(tree)


@pytest.mark.parametrize("degraded", [False, True])
@pytest.mark.parametrize("kind", NotificationKind)
def test_every_kind_of_document_is_as_its_schema_says(kind: NotificationKind, degraded: bool) -> None:
    described(json.loads(sent(facts_of(kind), degraded=degraded).content), SCHEMA)


def test_a_truncated_document_is_as_its_schema_says() -> None:
    many = tuple(alert(fingerprint=f"f{n}", message="x" * 5000) for n in range(100))
    for facts in (content(*many), replace(facts_of(NotificationKind.DIGEST), alerts=many)):
        described(json.loads(sent(facts, degraded=True).content), SCHEMA)


def test_the_schema_is_valid_and_describes_every_key_of_the_document() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    keys: set[str] = set()
    for kind in NotificationKind:
        document = json.loads(sent(facts_of(kind)).content)
        keys |= set(document)
        for each in document["alerts"]:
            assert set(each) == set(SCHEMA["$defs"]["alert"]["properties"])
    assert keys == set(SCHEMA["properties"])
