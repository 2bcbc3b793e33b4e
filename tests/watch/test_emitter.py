"""The shadow of the emitters' token buckets: never more tokens than the emitter may have."""

from datetime import UTC, datetime, timedelta

import pytest

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import KubeEvent
from kwatch.watch.emitter import Emitters, bucket_of
from kwatch.watch.normalise import EVENT_DECODER

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUCKET = ("kubelet", "node-1", "uid-1")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def emitters(capacity: int = 100, *, synced: float = -7500) -> Emitters:
    made = Emitters(capacity)
    made.regain("", at(synced))
    return made


def wait(made: Emitters, now: float, bucket: tuple[str, str, str] = BUCKET) -> float:
    """Return the seconds until another occurrence would be written at once."""
    observable_at = made.observable_at("", bucket, at(now))
    assert observable_at is not None
    return (observable_at - at(now)).total_seconds()


@pytest.mark.parametrize(("writes", "seconds"), [(1, 0), (23, 0), (24, 60), (25, 360), (40, 360)])
def test_a_full_bucket_has_twenty_five_tokens(writes: int, seconds: float) -> None:
    made = emitters()
    for _ in range(writes):
        made.spend("", BUCKET, at(0))
    assert wait(made, 0) == seconds


@pytest.mark.parametrize(("synced", "seconds"), [(0, 360), (-300, 60), (-360, 0), (-7500, 0)])
def test_after_a_sync_every_bucket_may_be_empty(synced: float, seconds: float) -> None:
    assert wait(emitters(synced=synced), 0) == seconds


def test_a_token_comes_in_five_minutes() -> None:
    made = emitters(synced=0)
    for second in range(0, 3600, 300):
        made.spend("", BUCKET, at(second))
        assert wait(made, second) == 360


def test_while_the_watch_is_broken_nothing_is_known() -> None:
    made = emitters()
    made.lose("")
    made.spend("", BUCKET, at(0))
    assert made.observable_at("", BUCKET, at(10)) is None
    made.regain("", at(20))
    assert wait(made, 20) == 360


def test_namespaces_are_watches_by_themselves() -> None:
    made = Emitters()
    made.regain("shop", at(-7500))
    made.regain("bank", at(0))
    assert made.observable_at("shop", BUCKET, at(0)) == at(0)
    assert made.observable_at("bank", BUCKET, at(0)) == at(360)
    assert made.observable_at("else", BUCKET, at(0)) is None


def test_without_memory_the_fuller_half_is_forgotten_and_counts_as_empty_as_the_emptiest_of_it() -> None:
    made = emitters(capacity=10)
    for number in range(10):
        for _ in range(number + 14):
            made.spend("", ("kubelet", "node-1", str(number)), at(0))
    made.spend("", ("kubelet", "node-1", "new"), at(0))
    for number in range(6):
        assert wait(made, 0, ("kubelet", "node-1", str(number))) == 0
    assert wait(made, 0, ("kubelet", "node-1", "9")) == 0  # 23 tokens are spent, and two are left
    for _ in range(5):
        made.spend("", ("kubelet", "node-1", "0"), at(0))
    assert wait(made, 0, ("kubelet", "node-1", "0")) == 60  # 19 were counted as spent, not 14
    assert made.sweep(at(0)) == 6
    assert made.sweep(at(0)) == 0


def test_a_full_bucket_is_dropped_by_the_sweep() -> None:
    made = emitters(capacity=1)
    made.spend("", BUCKET, at(0))
    assert made.sweep(at(301)) == 0
    made.spend("", ("kubelet", "node-2", "uid-2"), at(302))
    assert made.sweep(at(302)) == 0


@pytest.mark.parametrize(
    ("body", "bucket"),
    [
        (b'{"source": {"component": "c", "host": "h"}, "involvedObject": {"uid": "u", "name": "n"}}', ("c", "h", "u")),
        (b'{"deprecatedSource": {"component": "c"}, "regarding": {"name": "n"}}', ("c", "", "n")),
        (b'{"deprecatedSource": {}, "reportingController": "s", "regarding": {"uid": "u"}}', None),
        (b'{"source": {"component": "c"}}', None),
        (b"{}", None),
    ],
)
def test_a_bucket_is_of_a_component_on_a_host_and_an_object(body: bytes, bucket: object) -> None:
    assert bucket_of(EVENT_DECODER.decode(body)) == bucket


def event(last: float, *, count: int = 2, is_series: bool = True, name: str = "web-1.17f") -> KubeEvent:
    return KubeEvent(
        ref=ObjectRef("Event", name, "shop"),
        regarding=ObjectRef("Pod", "web-1", "shop"),
        type="Warning",
        reason="BackOff",
        message="",
        is_combined=False,
        component="scheduler",
        host="",
        count=count,
        is_series=is_series,
        first_at=at(0),
        last_at=at(last),
        resource_version="1",
    )


@pytest.mark.parametrize(
    ("last", "is_series", "over"),
    [(1000, False, 0), (1000, True, 2160), (640.001, True, 2160), (640, True, 390), (0, True, 390)],
)
def test_a_series_is_over_when_no_write_can_come_any_more(last: float, is_series: bool, over: float) -> None:
    emission = emitters().emission("", event(last, is_series=is_series), None, at(1000))
    assert (emission.over_at - at(1000)).total_seconds() == over


def test_an_old_write_that_is_seen_late_does_not_close_a_series() -> None:
    """After a sync it may have been written long before, when what it told of was new."""
    emission = emitters(synced=990).emission("", event(0), None, at(1000))
    assert emission.over_at == at(1000 + 2160)


@pytest.mark.parametrize(
    ("name", "minutes"), [("web-1.17fe", 0), ("web-1.xyz", 10), ("web-2.17fe", 10), ("web-1", 10), ("web-1.", 10)]
)
def test_who_does_not_name_Events_as_client_go_does_is_given_ten_minutes(name: str, minutes: int) -> None:
    emission = emitters().emission("", event(0, name=name), None, at(0))
    assert emission.least == timedelta(minutes=minutes)


@pytest.mark.parametrize(("bucket", "emitter"), [(BUCKET, "kubelet/node-1"), (None, "web-1.17f")])
def test_an_emission_says_whose_it_is_and_when_more_would_be_told(
    bucket: tuple[str, str, str] | None, emitter: str
) -> None:
    made = emitters()
    for _ in range(25):
        made.spend("", BUCKET, at(0))
    emission = made.emission("", event(0, is_series=False), bucket, at(0))
    assert (emission.emitter, emission.bucket, emission.namespace) == (emitter, bucket, "shop")
    assert (emission.told_at, emission.over_at) == (at(0), at(0))
    assert emission.observable_at == (at(0) if bucket is None else at(360))


def test_an_emission_of_a_watch_that_is_broken_says_nothing_of_the_end() -> None:
    made = emitters()
    made.lose("")
    made.lose("never-heard")
    emission = made.emission("", event(0), BUCKET, at(1000))
    assert (emission.observable_at, emission.over_at) == (None, at(1000 + 2160))


def test_a_minute_after_a_sync_writes_are_seen_at_once() -> None:
    assert emitters(synced=940).emission("", event(0), None, at(1000)).over_at == at(1390)


def test_what_was_written_before_the_begin_is_not_known() -> None:
    made = emitters()
    made.spend("", BUCKET, at(-100))
    assert wait(made, 0) == 0
    made.begin(at(0))
    assert wait(made, 0) == 360
    assert wait(made, 100, ("scheduler", "", "uid-2")) == 260


def test_memory_is_shared_by_the_watches() -> None:
    made = Emitters(4)
    made.regain("shop", at(-7500))
    made.regain("bank", at(-7500))
    for number in range(3):
        for _ in range(number + 1):
            made.spend("shop", ("kubelet", "node-1", str(number)), at(0))
    assert made.sweep(at(0)) == 2
    assert made.sweep(at(0)) == 0


def test_without_an_Event_of_the_old_kind_the_new_names_its_source_too() -> None:
    body = b'{"deprecatedSource": {"component": "c"}, "regarding": {"namespace": "shop"}}'
    assert bucket_of(EVENT_DECODER.decode(body)) == ("c", "", "")


@pytest.mark.parametrize("by", [3600, -3600])
def test_a_clock_that_is_set_neither_gives_nor_takes_tokens(by: float) -> None:
    made = emitters(synced=0)
    made.spend("", BUCKET, at(100))
    made.jump(timedelta(seconds=by))
    assert wait(made, by + 100) == 360
    assert wait(made, by + 160) == 300
    assert wait(made, by + 160, ("kubelet", "node-1", "other")) == 200


def test_a_clock_that_is_set_leaves_a_watch_as_old_as_it_is() -> None:
    made = emitters(synced=940)
    made.jump(timedelta(hours=1))
    assert made.emission("", event(3600), None, at(4600)).over_at == at(4990)
    assert made.emission("", event(3600), None, at(4599)).over_at == at(4599 + 2160)
