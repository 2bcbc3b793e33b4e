"""Rows D2, D4, D6: both spellings of an Event give one value, whatever is null."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec
import pytest

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import KubeEvent
from kwatch.watch.normalise import EVENT_DECODER, event_of

NEW = {
    "metadata": {
        "name": "web-1.18ea00103f82b082",
        "namespace": "shop",
        "uid": "e1",
        "resourceVersion": "215",
        "creationTimestamp": "2026-11-21T07:51:11Z",
    },
    "eventTime": None,
    "reportingController": "kubelet",
    "reportingInstance": "node-1",
    "reason": "BackOff",
    "regarding": {"kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "p1", "apiVersion": "v1"},
    "note": "Back-off restarting failed container",
    "type": "Warning",
    "deprecatedSource": {"component": "kubelet", "host": "node-1"},
    "deprecatedFirstTimestamp": "2026-11-21T07:51:11Z",
    "deprecatedLastTimestamp": "2026-11-21T07:56:40Z",
    "deprecatedCount": 23,
}
CORE = {
    "metadata": NEW["metadata"],
    "involvedObject": NEW["regarding"],
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "source": {"component": "kubelet", "host": "node-1"},
    "firstTimestamp": "2026-11-21T07:51:11Z",
    "lastTimestamp": "2026-11-21T07:56:40Z",
    "count": 23,
    "type": "Warning",
    "eventTime": None,
    "reportingComponent": "kubelet",
    "reportingInstance": "node-1",
}
EXPECTED = KubeEvent(
    ref=ObjectRef("Event", "web-1.18ea00103f82b082", "shop", "", "e1"),
    regarding=ObjectRef("Pod", "web-1", "shop", "", "p1"),
    type="Warning",
    reason="BackOff",
    message="Back-off restarting failed container",
    is_combined=False,
    component="kubelet",
    host="node-1",
    count=23,
    is_series=False,
    first_at=datetime(2026, 11, 21, 7, 51, 11, tzinfo=UTC),
    last_at=datetime(2026, 11, 21, 7, 56, 40, tzinfo=UTC),
    resource_version="215",
)


def normalised(body: dict[str, Any]) -> KubeEvent | None:
    return event_of(EVENT_DECODER.decode(msgspec.json.encode(body)))


@pytest.mark.parametrize("body", [NEW, CORE], ids=["events.k8s.io", "core"])
def test_D6_both_apis_give_the_same(body: dict[str, Any]) -> None:
    assert normalised(body) == EXPECTED


TIMES = {
    "series": "2026-11-21T08:00:05.000000Z",
    "lastTimestamp": "2026-11-21T08:00:04Z",
    "eventTime": "2026-11-21T08:00:03.500000Z",
    "firstTimestamp": "2026-11-21T08:00:02Z",
    "creationTimestamp": "2026-11-21T08:00:01Z",
}
LATEST_FIRST = [5, 4, 3, 2, 1]


@pytest.mark.parametrize("present", list(product([True, False], repeat=5)))
def test_D4_the_latest_time_that_is_there_counts(present: tuple[bool, ...]) -> None:
    kept = dict(zip(TIMES, present, strict=True))
    value = {name: TIMES[name] if kept[name] else None for name in TIMES}
    body = {
        **CORE,
        "metadata": {"name": "e", "resourceVersion": "1", "creationTimestamp": value["creationTimestamp"]},
        "series": {"count": 2, "lastObservedTime": value["series"]} if kept["series"] else None,
        "lastTimestamp": value["lastTimestamp"],
        "eventTime": value["eventTime"],
        "firstTimestamp": value["firstTimestamp"],
    }
    event = normalised(body)
    expected = next((second for second, there in zip(LATEST_FIRST, present, strict=True) if there), None)
    assert (event.last_at.second if event else None) == expected


def test_C11_and_S_19_without_a_count_it_happened_once_at_eventTime() -> None:
    event = normalised(
        {
            **CORE,
            "count": None,
            "firstTimestamp": None,
            "lastTimestamp": None,
            "source": {},
            "eventTime": "2026-11-21T07:51:11.250000Z",
            "reportingComponent": "default-scheduler",
        }
    )
    assert event is not None
    assert (event.count, event.component, event.host) == (1, "default-scheduler", "node-1")
    assert event.first_at == event.last_at == datetime(2026, 11, 21, 7, 51, 11, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "series", "expected"), [(0, 0, 1), (0, 1, 1), (3, 2, 3), (1, 512, 512), (None, None, 1)]
)
def test_the_count_is_the_highest_that_is_told(count: int | None, series: int | None, expected: int) -> None:
    event = normalised({**NEW, "deprecatedCount": count, "series": {"count": series, "lastObservedTime": None}})
    assert event is not None
    assert (event.count, event.is_series) == (expected, True)


@pytest.mark.parametrize("key", ["note", "message"])
def test_D2_and_S_20_the_prefix_of_combined_events_is_taken_off(key: str) -> None:
    body = {name: value for name, value in NEW.items() if name != "note"}
    event = normalised({**body, key: "(combined from similar events): Back-off"})
    assert event is not None
    assert (event.message, event.is_combined) == ("Back-off", True)


def test_the_group_of_the_regarding_object_is_that_of_its_api_version() -> None:
    event = normalised({**NEW, "regarding": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}})
    assert event is not None
    assert event.regarding == ObjectRef("Deployment", "web", "", "apps", "")


@pytest.mark.parametrize(
    "change",
    [{"regarding": None}, {"metadata": {"uid": "x", "resourceVersion": "1"}}],
    ids=["about nothing", "no name"],
)
def test_what_cannot_be_told_of_anything_is_none(change: dict[str, Any]) -> None:
    assert normalised({**NEW, **change}) is None


def test_every_field_may_be_null() -> None:
    nulls = {name: None for name in (*NEW, *CORE) if name != "metadata"}
    body = {**nulls, "metadata": NEW["metadata"], "regarding": dict.fromkeys(NEW["regarding"])}
    event = normalised(body)
    assert event is not None
    assert (event.regarding, event.type, event.count) == (ObjectRef("", ""), "Normal", 1)


def test_a_time_without_a_zone_is_malformed() -> None:
    with pytest.raises(msgspec.ValidationError):
        normalised({**NEW, "eventTime": "2026-11-21T07:51:11"})


@pytest.mark.parametrize("count", [10**30, 2**31, -(2**31) - 1])
def test_a_count_that_the_api_cannot_hold_is_malformed(count: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        normalised({**NEW, "deprecatedCount": count})


def test_a_resource_version_without_end_is_malformed() -> None:
    with pytest.raises(msgspec.ValidationError):
        normalised({**NEW, "metadata": {**NEW["metadata"], "resourceVersion": "9" * 5000}})
