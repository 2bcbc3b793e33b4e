"""What is shown of a board."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kwatch.model.notifications import DeliveryState
from kwatch.web import reports, status_page, views
from kwatch.web.views import Overview, Readiness, SourceState, StoreView
from tests.web.boards import CRASH, DELIVERIES, NODE, NOW, OVERVIEW, TROUBLED, ago

FORBIDDEN = tuple(replace(source, state=SourceState.FORBIDDEN) for source in OVERVIEW.sources)
SUSPENDED = tuple(replace(destination, suspended="unauthorized") for destination in OVERVIEW.destinations)
SILENT = tuple(replace(destination, silent_until=ago(seconds=1)) for destination in OVERVIEW.destinations)


@pytest.mark.parametrize(
    ("overview", "expected"),
    [
        (OVERVIEW, Readiness.READY),
        (TROUBLED, Readiness.DEGRADED),
        (replace(OVERVIEW, is_stopping=True), Readiness.NOT_READY),
        (replace(OVERVIEW, store=StoreView(path="/s", error="disk full")), Readiness.NOT_READY),
        (replace(OVERVIEW, sources=(replace(OVERVIEW.sources[0], state=SourceState.LISTING),)), Readiness.NOT_READY),
        (replace(OVERVIEW, sources=(replace(OVERVIEW.sources[0], state=SourceState.WAITING),)), Readiness.NOT_READY),
        (replace(OVERVIEW, sources=()), Readiness.NOT_READY),
        (replace(OVERVIEW, sources=FORBIDDEN), Readiness.NOT_READY),
        (replace(OVERVIEW, destinations=SUSPENDED), Readiness.NOT_READY),
        (replace(OVERVIEW, destinations=SILENT), Readiness.NOT_READY),
        (replace(OVERVIEW, destinations=(OVERVIEW.destinations[0], SILENT[1])), Readiness.DEGRADED),
        (replace(OVERVIEW, destinations=()), Readiness.READY),
    ],
    ids=[
        "all well",
        "one kind forbidden, one destination suspended",
        "stopping",
        "store not writable",
        "a watch lists",
        "a watch waits",
        "before the first watch",
        "every kind forbidden",
        "every destination suspended",
        "no destination answers",
        "one destination does not answer",
        "no destination configured",
    ],
)
def test_ready_means_that_problems_are_seen_kept_and_told(overview: Overview, expected: Readiness) -> None:
    assert views.readiness(overview) is expected


def test_readyz_tells_each_source_and_each_destination() -> None:
    report = reports.readiness_report(TROUBLED)
    assert report["status"] == "degraded"
    assert report["sources"][2] == {
        "id": "batch/v1/jobs",
        "ok": False,
        "state": "forbidden",
        "since": "2026-03-01T11:00:00+00:00",
        "last_frame_at": None,
        "error": "may not list jobs",
    }
    assert report["destinations"][1] == {
        "name": "oncall-webhook",
        "ok": False,
        "queued": 7,
        "oldest_at": "2026-03-01T11:58:30+00:00",
        "suspended": "unauthorized",
        "failing": "",
        "paused_until": None,
        "silent_until": None,
        "storm_since": None,
    }


def test_the_page_puts_the_worst_first_and_leaves_out_what_does_not_fire() -> None:
    page = status_page.status_page(OVERVIEW, DELIVERIES, {})
    assert [card.rule for card in page.alerts] == ["crash-loop", "image-pull", "node-not-ready"]
    assert page.pending_count == 1


def test_a_card_names_the_workload_and_what_is_known_of_it() -> None:
    page = status_page.status_page(replace(OVERVIEW, alerts=(CRASH, NODE)), (), {})
    assert page.alerts == (
        status_page.AlertCard(
            fingerprint="f-crash-loop",
            severity="critical",
            rule="crash-loop",
            where="payments/Deployment/worker",
            message="Back-off restarting failed container app in pod worker-7d9f-abcde",
            since="12 min",
            started_at="2026-03-01 11:48:00 UTC",
            facts=("14 times", "3 objects"),
        ),
        status_page.AlertCard(
            fingerprint="f-node-not-ready",
            severity="warning",
            rule="node-not-ready",
            where="Node/worker-3",
            message="",
            since="3 h 5 min",
            started_at="2026-03-01 08:55:00 UTC",
            facts=("began while kwatch was not watching",),
        ),
    )


def test_deliveries_say_what_they_are_about() -> None:
    page = status_page.status_page(OVERVIEW, DELIVERIES, {})
    assert [(line.title, line.state, line.is_bad, line.age) for line in page.deliveries] == [
        ("image-pull shop/Deployment/web", "retry_wait", True, "40 s"),
        ("crash-loop payments/Deployment/worker and 1 more", "sent", False, "2 min"),
        ("12 problems were already there", "dead", True, "2 h"),
    ]


def test_destinations_show_what_became_of_their_deliveries() -> None:
    counts = {"team-slack": {DeliveryState.SENT: 128, DeliveryState.DEAD: 1}}
    page = status_page.status_page(OVERVIEW, (), counts)
    assert [(line.name, line.sent, line.waiting, line.dead, line.note) for line in page.destinations] == [
        ("team-slack", 128, 0, 1, ""),
        ("oncall-webhook", 0, 2, 0, "oldest waits 1 min"),
    ]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"suspended": "unauthorized", "paused_until": NOW + timedelta(minutes=1)}, "suspended: unauthorized"),
        ({"paused_until": NOW + timedelta(seconds=30)}, "paused for 30 s"),
        ({"silent_until": NOW + timedelta(seconds=20)}, "does not answer, tried again in 20 s"),
        ({"paused_until": ago(seconds=1), "silent_until": ago(seconds=1)}, "oldest waits 1 min"),
    ],
)
def test_a_destination_says_why_it_does_not_send(changes: dict[str, object], note: str) -> None:
    destination = replace(OVERVIEW.destinations[1], **changes)  # type: ignore[arg-type]
    assert status_page.status_page(replace(OVERVIEW, destinations=(destination,)), (), {}).destinations[0].note == note


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=-3), "now"),
        (timedelta(milliseconds=900), "now"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=61, seconds=30), "1 h 1 min"),
        (timedelta(hours=24), "1 d"),
        (timedelta(days=400, hours=3, minutes=5), "400 d 3 h"),
        (timedelta(days=1, minutes=5), "1 d"),
    ],
)
def test_spans_show_their_two_largest_units(duration: timedelta, text: str) -> None:
    assert status_page.span(duration) == text
