"""Alertmanager: what each of two replicas is posted, and what becomes of one that does not take it."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import ValidationError

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Content, NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.channels import alertmanager
from kwatch.testing.contract import Desk
from kwatch.testing.contract.samples import NOW, alert, ended
from kwatch.testing.vendors.alertmanager import Alertmanager
from tests.notify.channels.lanes import Lane, desk_of, told

K = NotificationKind
URLS = ["http://alertmanager-0:9093/", "http://alertmanager-1:9093/"]
LABELS = {
    "alertname": "crash-loop",
    "cluster": "prod-eu",
    "fingerprint": "7qf3zk2m5x4w6y1a9bcdefghij",
    "kind": "Pod",
    "name": "worker-7d9c-x2x1",
    "namespace": "payments",
    "node": "n-17",
    "reason": "BackOff",
    "rule": "crash-loop",
    "severity": "critical",
    "workload": "Deployment/worker",
}


class Pair:
    """Two replicas behind one wire; `down` are those that do not answer, `slow` those that never end to."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.replicas = {httpx.URL(url).host: Alertmanager(desk.clock) for url in URLS}
        self.down: set[str] = set()
        self.slow: set[str] = set()
        self.requests: list[httpx.Request] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        host = request.url.host
        if host in self.slow:
            await asyncio.sleep(3600)
        if host in self.down:
            raise httpx.ConnectError("refused")
        return await self.replicas[host].answer(request)

    def active(self) -> list[list[str]]:
        """Return the alerts that fire at each replica, by their rule."""
        return [[each["labels"]["alertname"] for each in replica.active()] for replica in self.replicas.values()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of(alertmanager, Alertmanager, tmp_path) as desk:
        yield desk


@pytest.fixture
def pair(desk: Desk) -> Pair:
    pair = Pair(desk)
    answers: Callable[[httpx.Request], Awaitable[httpx.Response]] = pair.answer
    desk.wire.faults.extend([answers] * 1000)
    return pair


@pytest.fixture
def lane(desk: Desk, pair: Pair) -> Lane:
    return Lane(desk, urls=URLS)


def reconcile(desk: Desk, channel: Any, *views: AlertView) -> tuple[str, ...]:
    """Let a channel say all that goes on."""
    facts: Content = told(K.UPDATE, *views)
    outcomes: tuple[str, ...] = desk.run(
        channel.reconcile(msgspec.structs.replace(facts, alerts=views, alert_count=len(views)))
    )
    return outcomes


def later(desk: Desk, **span: float) -> None:
    desk.run(desk.clock.sleep(timedelta(**span).total_seconds()))


def test_an_alert_as_every_replica_has_it(pair: Pair, lane: Lane) -> None:
    lane.tell(K.FIRING, public_url="https://kwatch.example.com")
    for replica in pair.replicas.values():
        (only,) = replica.active()
        annotations = only["annotations"]
        assert only == {
            "labels": LABELS,
            "annotations": annotations,
            "startsAt": "2026-03-01T14:02:00Z",
            "endsAt": "2026-03-01T14:18:00Z",
            "generatorURL": "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij",
        }
        assert list(annotations) == ["summary", "description", "runbook_url"]
        assert annotations["summary"] == "CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"
        assert annotations["description"].startswith("FIRING since 14:02 UTC (12 m)\nCause")
        assert annotations["runbook_url"] == "https://runbooks.example.com/crash-loop"


def test_labels_hold_no_count_and_no_text(pair: Pair, lane: Lane) -> None:
    lane.tell(K.FIRING, alert())
    lane.tell(K.REPEAT, alert(count=99, window_count=7, message="another", episode=3, members=("x",), member_count=8))
    assert [len(replica.alerts) for replica in pair.replicas.values()] == [1, 1]


def test_labels_have_names_that_are_taken_there(pair: Pair, lane: Lane) -> None:
    lane.tell(K.FIRING, alert(labels={"app.kubernetes.io/part-of": "shop", "1st": "x", "empty": "", "ü": "y"}))
    (only,) = pair.replicas["alertmanager-0"].active()
    assert only["labels"] == {
        "app_kubernetes_io_part_of": "shop",
        "_1st": "x",
        "_": "y",
        "alertname": "crash-loop",
        "severity": "critical",
        "fingerprint": "7qf3zk2m5x4w6y1a9bcdefghij",
        "cluster": "prod-eu",
    }


def test_an_end_is_that_of_the_alert(pair: Pair, lane: Lane) -> None:
    lane.tell(K.FIRING)
    lane.tell(K.RESOLVED, ended(alert()))
    assert pair.active() == [[], []]
    assert [each["endsAt"] for each in pair.replicas["alertmanager-1"].alerts.values()] == ["2026-03-01T14:14:00Z"]


def test_a_notice_and_what_kwatch_says_of_itself_end_by_themselves(desk: Desk, pair: Pair, lane: Lane) -> None:
    lane.tell(K.NOTICE, alert(state=AlertState.INACTIVE, severity=Severity.INFO))
    lane.tell(K.META, alerts=(), alert_count=0, text="the destination mail is suspended")
    assert pair.active() == [["crash-loop", "kwatch"]] * 2
    later(desk, minutes=4)
    assert pair.active() == [[], []]


def test_one_replica_that_takes_it_is_enough_and_the_other_gets_it_later(desk: Desk, pair: Pair) -> None:
    lane, channel = Lane(desk, urls=URLS), desk.create(urls=URLS)
    pair.down = {"alertmanager-1"}
    lane.tell(K.FIRING)
    assert pair.active() == [["crash-loop"], []]
    pair.down = set()
    assert reconcile(desk, channel, alert()) == ("ok", "ok")
    assert pair.active() == [["crash-loop"], ["crash-loop"]]


def test_where_no_replica_takes_it_the_notification_has_failed(pair: Pair, lane: Lane) -> None:
    pair.down = {"alertmanager-0", "alertmanager-1"}
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert (raised.value.failure, raised.value.reason) == (Failure.RETRY, Reason.REFUSED)


def test_while_one_replica_may_still_take_it_the_destination_is_not_suspended(
    desk: Desk, pair: Pair, lane: Lane
) -> None:
    pair.down = {"alertmanager-1"}
    desk.keep("token", "wrong")
    with pytest.raises(SendError) as raised:
        lane.tell(K.FIRING)
    assert raised.value.failure is Failure.RETRY


def test_F12_a_replica_that_never_answers_does_not_spend_the_attempt(pair: Pair, lane: Lane) -> None:
    pair.slow = {"alertmanager-0"}
    lane.tell(K.FIRING)
    assert pair.active() == [[], ["crash-loop"]]


def test_reconcile_says_how_it_went_with_each_replica(desk: Desk, pair: Pair) -> None:
    pair.down, pair.slow = {"alertmanager-0"}, {"alertmanager-1"}
    assert reconcile(desk, desk.create(urls=URLS), alert()) == ("refused", "timeout")


def test_where_nothing_goes_on_nothing_is_posted(desk: Desk, pair: Pair) -> None:
    assert reconcile(desk, desk.create(urls=URLS)) == ()
    assert pair.requests == []


def test_what_goes_on_lasts_four_times_as_long_as_until_it_is_posted_again(desk: Desk, pair: Pair) -> None:
    reconcile(desk, desk.create(urls=URLS, resend="30s"), alert())
    later(desk, seconds=119)
    assert pair.active() == [["crash-loop"]] * 2
    later(desk, seconds=1)
    assert pair.active() == [[], []]


def test_a_replica_that_was_away_hears_of_an_end(desk: Desk, pair: Pair) -> None:
    channel = desk.create(urls=URLS)
    reconcile(desk, channel, alert())
    pair.down = {"alertmanager-1"}
    reconcile(desk, channel)
    assert pair.active() == [[], ["crash-loop"]]
    pair.down = set()
    later(desk, minutes=1)
    reconcile(desk, channel)
    assert pair.active() == [[], []]


def test_an_alert_that_rises_is_another_one_there(desk: Desk, pair: Pair) -> None:
    channel = desk.create(urls=URLS)
    reconcile(desk, channel, alert(severity=Severity.WARNING))
    reconcile(desk, channel, alert(severity=Severity.CRITICAL))
    active = [each["labels"]["severity"] for each in pair.replicas["alertmanager-0"].active()]
    assert active == ["critical"]


def test_many_alerts_go_in_requests_of_64(desk: Desk, pair: Pair) -> None:
    reconcile(desk, desk.create(urls=URLS[:1]), *(alert(fingerprint=f"f{n}") for n in range(130)))
    assert [len(json.loads(request.content)) for request in pair.requests] == [64, 64, 2]


def test_a_notification_of_many_posts_the_worst_64_and_reconcile_all(desk: Desk, pair: Pair) -> None:
    channel, views = desk.create(urls=URLS[:1]), [alert(fingerprint=f"f{n}") for n in range(100)]
    desk.tell(told(K.SUMMARY, *views), channel=channel)
    assert len(pair.replicas["alertmanager-0"].active()) == 65  # and one that says how many there are
    reconcile(desk, channel, *views)
    assert len(pair.replicas["alertmanager-0"].active()) == 101


def test_what_has_not_changed_is_posted_as_it_was(desk: Desk, pair: Pair) -> None:
    channel = desk.create(urls=URLS[:1])
    for _ in range(2):
        reconcile(desk, channel, alert())
        later(desk, minutes=1)
    first, second = (json.loads(request.content)[0] for request in pair.requests)
    assert (first.pop("endsAt"), second.pop("endsAt")) == ("2026-03-01T14:18:00Z", "2026-03-01T14:19:00Z")
    assert first == second


@pytest.mark.parametrize(
    ("keys", "authorization"),
    [
        ({"username": "ann", "password": {"file": "token"}, "token": None}, base64.b64encode(b"ann:canary-7f3a91")),
        ({}, None),
    ],
)
def test_authorization(desk: Desk, pair: Pair, keys: Mapping[str, Any], authorization: bytes | None) -> None:
    channel = desk.create(urls=URLS[:1], **keys)
    pair.down = {"alertmanager-0"}
    with pytest.raises(SendError):
        desk.tell(channel=channel)
    expected = "Bearer canary-7f3a91" if authorization is None else f"Basic {authorization.decode()}"
    assert pair.requests[0].headers["authorization"] == expected


@pytest.mark.parametrize(
    "keys",
    [
        {"urls": []},
        {"urls": ["http://alertmanager:9093"]},
        {"urls": ["http://alertmanager-0:9093/", "http://169.254.169.254/"]},
        {"urls": ["http://ann:secret@alertmanager:9093/"]},
        {"username": "ann"},
        {"username": "ann", "password": {"env": "PASSWORD"}},
        {"resend": "0s"},
    ],
    ids=["no replica", "no slash", "X-09", "a user in the URL", "no password", "two identities", "all the time"],
)
def test_what_is_wrong_is_said_at_once(desk: Desk, keys: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        desk.configure(**keys)


def test_the_stand_in_takes_what_is_right_of_a_wrong_request(desk: Desk) -> None:
    replica = Alertmanager(desk.clock)
    right = {"labels": {"alertname": "a"}, "startsAt": NOW.isoformat()}
    body = json.dumps([right, {"labels": {"a-b": "1"}}])
    request = httpx.Request(
        "POST", f"{URLS[0]}api/v2/alerts", headers={"Authorization": "Bearer canary-7f3a91"}, content=body
    )
    assert desk.run(replica.answer(request)).status_code == 400
    assert [each["labels"] for each in replica.active()] == [{"alertname": "a"}]
