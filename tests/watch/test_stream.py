"""Every way in which a watch can end, in virtual time. P1 to P3, P6, F-39, F-40."""

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from kwatch.cluster.client import KubeClient
from kwatch.errors import ClusterError
from kwatch.model.objects import Batch, Resource, Source
from kwatch.telemetry import Counters
from kwatch.testing import virtual
from kwatch.watch.frames import OBJECTS
from kwatch.watch.status import SourceState, SourceStatus
from kwatch.watch.stream import Stream, StreamSettings
from tests.watch.wires import FOREVER, Answer, Asked, ScriptedWire, bookmark, error, failed, line, page, pod

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
PODS = Source(Resource("", "v1", "Pod", "pods", namespaced=True))
LISTED_A = line("ADDED", pod("a", 5)) + bookmark(9, ends_list=True)
NO_PAUSE = StreamSettings(first_pause=0.0, longest_pause=0.0)


@dataclass
class Seen:
    """What a stream did: (seconds, event type, name or version), where it could be resumed, what it asked."""

    told: list[tuple[float, str, str]]
    resume: list[str]
    asked: list[Asked]
    status: SourceStatus
    counters: Counters


def watch(
    *answers: Answer | Exception,
    seconds: float,
    resume_from: str = "",
    settings: StreamSettings = NO_PAUSE,
    watch_list: bool = True,
) -> Seen:
    """Run a stream for some virtual seconds against prepared answers."""

    async def main() -> Seen:
        clock = virtual.VirtualClock(START, asyncio.get_running_loop())
        wire = ScriptedWire(*answers)
        client = KubeClient(wire)
        client.has_watch_list = watch_list
        counters = Counters()
        stream = Stream(
            client, PODS, clock=clock, rng=random.Random(1), decode=OBJECTS, settings=settings, counters=counters
        )
        batches: list[tuple[float, Batch]] = []

        async def put(batch: Batch) -> None:
            batches.append((round(clock.monotonic(), 1), batch))

        try:
            async with asyncio.timeout(seconds):
                await stream.run(resume_from, put)
        except TimeoutError:
            pass
        told = [
            (at, event.type.value, event.body["metadata"]["name"] if event.body else event.resource_version)
            for at, batch in batches
            for event in batch.events
        ]
        return Seen(told, [batch.resource_version for _, batch in batches], wire.asked, stream.status, counters)

    return virtual.run(main())


def told(seen: Seen) -> list[tuple[str, str]]:
    return [(kind, name) for _, kind, name in seen.told]


def test_a_watch_list_is_listed_then_synced_then_watched() -> None:
    seen = watch(Answer([LISTED_A + line("MODIFIED", pod("a", 10)), line("DELETED", pod("a", 11)), FOREVER]), seconds=1)
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert seen.resume == ["10", "11"]
    query = seen.asked[0].query
    assert query["sendInitialEvents"] == "true"
    assert query["resourceVersionMatch"] == "NotOlderThan"
    assert query["allowWatchBookmarks"] == "true"
    assert 240 <= int(query["timeoutSeconds"]) <= 300
    assert "resourceVersion" not in query


def test_what_changes_while_the_list_is_sent_belongs_to_it() -> None:
    frames = [line("ADDED", pod("a", 5)), line("ADDED", pod("b", 6)), line("MODIFIED", pod("a", 7))]
    seen = watch(Answer([*frames, line("DELETED", pod("b", 8)), bookmark(9, ends_list=True), FOREVER]), seconds=1)
    assert told(seen) == [("LISTED", "a"), ("LISTED", "b"), ("LISTED", "a"), ("DELETED", "b"), ("SYNCED", "9")]
    assert seen.resume == ["", "", "", "", "9"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_watch_list_is_listed_by_pages_from_then_on(status: int) -> None:
    seen = watch(
        failed(status),
        page(pod("a", 5), version=9, more="next"),
        page(pod("b", 6), version=9),
        Answer([error(410)]),
        page(pod("b", 6), version=20),
        Answer([FOREVER]),
        seconds=5,
    )
    assert told(seen) == [
        ("LISTED", "a"),
        ("LISTED", "b"),
        ("SYNCED", "9"),
        ("LOST", ""),
        ("LISTED", "b"),
        ("SYNCED", "20"),
    ]
    assert [dict(asked.query).get("continue") for asked in seen.asked[1:3]] == [None, "next"]
    assert seen.asked[1].query["limit"] == "500"
    assert seen.asked[3].query["resourceVersion"] == "9"
    assert seen.asked[5].query["resourceVersion"] == "20"


def test_P6_an_expired_continue_token_starts_the_list_again() -> None:
    seen = watch(
        page(pod("a", 5), version=9, more="next"),
        failed(410),
        page(pod("b", 12), version=15),
        Answer([FOREVER]),
        seconds=5,
        watch_list=False,
    )
    assert told(seen) == [("LISTED", "a"), ("LOST", ""), ("LISTED", "b"), ("SYNCED", "15")]


def test_a_server_that_does_not_know_watch_list_is_found_out_by_its_first_bookmark() -> None:
    seen = watch(
        Answer([line("ADDED", pod("a", 5)), 60.0, bookmark(9), FOREVER]),
        page(pod("a", 5), version=9),
        Answer([FOREVER]),
        seconds=70,
    )
    assert told(seen) == [("LISTED", "a"), ("LOST", ""), ("LISTED", "a"), ("SYNCED", "9")]


@pytest.mark.parametrize(
    "gone", [failed(410), Answer([error(410)])], ids=["as a status", "as an ERROR line inside a 200 stream"]
)
def test_P2_both_forms_of_410_list_again(gone: Answer) -> None:
    seen = watch(
        Answer([LISTED_A, 10.0]),
        gone,
        Answer([line("ADDED", pod("b", 30)) + bookmark(31, ends_list=True), FOREVER]),
        seconds=20,
    )
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9"), ("LOST", ""), ("LISTED", "b"), ("SYNCED", "31")]
    assert seen.asked[1].query["resourceVersion"] == "9"
    assert "resourceVersion" not in seen.asked[2].query


def test_frames_before_an_error_in_the_same_piece_are_kept() -> None:
    seen = watch(Answer([LISTED_A + line("ADDED", pod("b", 10)) + error(500)]), Answer([FOREVER]), seconds=5)
    assert told(seen)[:4] == [("LISTED", "a"), ("SYNCED", "9"), ("ADDED", "b"), ("LOST", "")]
    assert seen.asked[1].query["resourceVersion"] == "10"


def test_a_clean_end_opens_again_at_once_where_it_was() -> None:
    seen = watch(
        Answer([LISTED_A, *[60.0, bookmark(9)] * 4, 30.0]),
        Answer([line("MODIFIED", pod("a", 10)), FOREVER]),
        seconds=280,
    )
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9"), ("MODIFIED", "a")]
    assert [asked.at for asked in seen.asked] == [0.0, 270.0]


def test_P3_a_bookmark_is_where_a_broken_watch_goes_on() -> None:
    seen = watch(
        Answer([LISTED_A, 60.0, bookmark(50), 1.0, ClusterError("reset")]),
        Answer([FOREVER]),
        seconds=70,
    )
    assert seen.asked[1].query["resourceVersion"] == "50"
    assert seen.resume[-1] == "50"


def test_a_resumed_watch_is_synced_by_its_first_frame() -> None:
    seen = watch(
        Answer([LISTED_A, 10.0, ClusterError("reset")]),
        Answer([0.5, line("MODIFIED", pod("a", 10)), FOREVER]),
        seconds=20,
    )
    assert seen.told[1:] == [(0.0, "SYNCED", "9"), (10.0, "LOST", ""), (10.5, "SYNCED", ""), (10.5, "MODIFIED", "a")]


def test_a_resumed_watch_is_synced_after_a_second_of_silence() -> None:
    seen = watch(
        Answer([LISTED_A, 10.0, ClusterError("reset")]),
        Answer([30.0, line("MODIFIED", pod("a", 10)), FOREVER]),
        seconds=50,
    )
    assert seen.told[2:] == [(10.0, "LOST", ""), (11.0, "SYNCED", ""), (40.0, "MODIFIED", "a")]


def test_a_restart_resumes_from_the_checkpoint_without_a_list() -> None:
    seen = watch(Answer([line("ADDED", pod("b", 41)), FOREVER]), seconds=1, resume_from="40")
    assert told(seen) == [("SYNCED", ""), ("ADDED", "b")]
    assert seen.asked[0].query["resourceVersion"] == "40"


def test_a_checkpoint_that_is_too_old_is_listed() -> None:
    seen = watch(Answer([error(410)]), Answer([LISTED_A, FOREVER]), seconds=5, resume_from="1")
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9")]


def test_a_version_that_the_server_refuses_is_listed() -> None:
    seen = watch(failed(400, "invalid resource version"), Answer([LISTED_A, FOREVER]), seconds=30, resume_from="x")
    assert [asked.query.get("resourceVersion", "") for asked in seen.asked] == ["x", ""]
    assert seen.status.state is SourceState.WATCHING


def test_a_failure_that_nobody_thought_of_is_tried_again_from_a_new_list(caplog: pytest.LogCaptureFixture) -> None:
    bug = Answer([LISTED_A, ZeroDivisionError("a bug")])
    seen = watch(bug, bug, Answer([LISTED_A, FOREVER]), seconds=60, settings=StreamSettings())
    assert " ".join(kind for _, kind, _ in seen.told) == "LISTED SYNCED LOST LISTED SYNCED LOST LISTED SYNCED"
    assert [asked.query.get("resourceVersion", "") for asked in seen.asked] == ["", "", ""]
    assert seen.counters.read()["watch_errors", (("source", "v1/pods"),)] == 2
    assert "ZeroDivisionError" in caplog.text


def test_such_a_failure_shows_while_it_is_waited() -> None:
    seen = watch(*[ZeroDivisionError()] * 50, seconds=20, settings=StreamSettings())
    assert (seen.status.state, seen.status.error) == (SourceState.WAITING, "ZeroDivisionError")
    assert len(seen.asked) < 12


def test_P1_and_F_40_silence_is_found_within_90_seconds() -> None:
    seen = watch(Answer([LISTED_A, FOREVER]), Answer([FOREVER]), seconds=100)
    at, kind, _ = seen.told[2]
    assert kind == "LOST"
    assert 75 <= at <= 90
    assert seen.asked[1].query["resourceVersion"] == "9"


def test_F40_without_the_limit_of_silence_nobody_notices() -> None:
    patient = StreamSettings(first_pause=0.0, longest_pause=0.0, silence=(1e9, 1e9), watch_for=(10**9, 10**9))
    seen = watch(Answer([LISTED_A, FOREVER]), Answer([FOREVER]), seconds=3600, settings=patient)
    assert [kind for _, kind, _ in seen.told] == ["LISTED", "SYNCED"]
    assert len(seen.asked) == 1


def test_a_watch_that_never_says_anything_is_listed_again() -> None:
    """A server restored from a backup waits in silence for a resource version that it will not reach for long."""
    seen = watch(Answer([FOREVER]), Answer([LISTED_A, FOREVER]), seconds=100, resume_from="999999")
    assert told(seen) == [("SYNCED", ""), ("LOST", ""), ("LISTED", "a"), ("SYNCED", "9")]
    assert "resourceVersion" not in seen.asked[1].query


def test_a_server_without_bookmarks_is_asked_for_shorter_watches() -> None:
    silent = Answer([FOREVER])
    seen = watch(page(version=9), silent, page(version=9), Answer([FOREVER]), seconds=100, watch_list=False)
    assert 240 <= int(seen.asked[1].query["timeoutSeconds"]) <= 300
    assert 45 <= int(seen.asked[3].query["timeoutSeconds"]) <= 60


def test_a_truncated_line_is_read_again() -> None:
    frame = line("MODIFIED", pod("a", 10))
    seen = watch(Answer([LISTED_A, 10.0, frame[:40]]), Answer([frame, FOREVER]), seconds=20)
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9"), ("LOST", ""), ("SYNCED", ""), ("MODIFIED", "a")]
    assert seen.asked[1].query["resourceVersion"] == "9"


@pytest.mark.parametrize(
    "bad",
    [
        b"not json\n",
        b'{"type":"MODIFIED","object":{"metadata":null}}\n',
        b'{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}\n',
        b'{"type":"WHAT","object":{"metadata":{}}}\n',
        b'{"type":"BOOKMARK","object":{}}\n',
        b'{"type":"MODIFIED","object":{"metadata":{"name":"\xff"}}}\n',
        b'{"type":"MODIFIED","object":{"x":' + b"[" * 100_000 + b"\n",
        b"\n",
        b"x" * 5000 + b"\n",
    ],
    ids=["text", "null", "no version", "type", "bookmark", "utf-8", "deep", "blank", "too long"],
)
def test_a_malformed_frame_is_counted_and_left_out(bad: bytes) -> None:
    good = line("MODIFIED", pod("a", 10))
    settings = StreamSettings(line_limit=1000)
    seen = watch(Answer([LISTED_A, bad + good, FOREVER]), seconds=1, settings=settings)
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9"), ("MODIFIED", "a")]
    assert seen.counters.read()["watch_frames_bad", (("source", "v1/pods"),)] == 1


def test_a_malformed_item_of_a_list_is_counted_and_left_out() -> None:
    seen = watch(page({"metadata": None}, pod("b", 6), version=9), seconds=1, watch_list=False)
    assert told(seen) == [("LISTED", "b"), ("SYNCED", "9")]
    assert seen.counters.read()["watch_frames_bad", (("source", "v1/pods"),)] == 1


def test_frames_may_be_cut_anywhere() -> None:
    body = LISTED_A + line("MODIFIED", pod("a", 10))
    seen = watch(Answer([*(body[start : start + 7] for start in range(0, len(body), 7)), FOREVER]), seconds=1)
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9"), ("MODIFIED", "a")]


def test_a_server_that_ends_each_watch_at_once_is_not_asked_again_and_again() -> None:
    seen = watch(Answer([LISTED_A]), *[Answer([]) for _ in range(1000)], seconds=3600, settings=StreamSettings())
    assert 60 < len(seen.asked) < 240
    assert seen.status.state is SourceState.WAITING
    assert seen.status.error == "the server ends each watch at once"


def test_pauses_grow_to_a_minute_and_shrink_after_a_watch_that_stood() -> None:
    answers = [ClusterError("refused") for _ in range(12)]
    seen = watch(*answers, Answer([LISTED_A, 30.0, ClusterError("reset")]), seconds=3600, settings=StreamSettings())
    pauses = [after.at - before.at for before, after in zip(seen.asked, seen.asked[1:], strict=False)]
    ceilings = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 31]
    assert len(pauses) == 13
    assert all(pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))
    assert sum(pauses[6:12]) > 90


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept_to(status: int) -> None:
    seen = watch(failed(status, retry_after="17"), Answer([LISTED_A, FOREVER]), seconds=60)
    assert [asked.at for asked in seen.asked] == [0.0, 17.0]


def test_an_html_page_with_status_500_is_a_failure_like_any() -> None:
    seen = watch(Answer([b"<html>upstream"], 500), Answer([LISTED_A, FOREVER]), seconds=60)
    assert told(seen) == [("LISTED", "a"), ("SYNCED", "9")]


def test_T39_forbidden_shows_and_ends_when_it_is_granted() -> None:
    refused = [failed(403, "pods is forbidden") for _ in range(3)]
    during = watch(*refused, *refused, seconds=3, settings=StreamSettings(first_pause=60))
    assert during.status.state is SourceState.FORBIDDEN
    assert during.status.error == "pods is forbidden"
    after = watch(*refused, Answer([LISTED_A, FOREVER]), seconds=60, settings=StreamSettings())
    assert told(after) == [("LISTED", "a"), ("SYNCED", "9")]
    assert after.status.state is SourceState.WATCHING
    assert after.status.error == ""


@pytest.mark.parametrize("watch_list", [True, False])
def test_T39_what_was_forbidden_stays_so_while_it_is_asked_again(watch_list: bool) -> None:
    during = watch(failed(403, "pods is forbidden"), seconds=10, watch_list=watch_list)
    assert len(during.asked) == 2
    assert during.status.state is SourceState.FORBIDDEN
    assert during.status.error == "pods is forbidden"


def test_what_is_granted_is_listed_page_by_page() -> None:
    granted = page(pod("a", 5), version=9, more="next")
    during = watch(failed(403, "pods is forbidden"), granted, seconds=10, watch_list=False)
    assert told(during) == [("LISTED", "a")]
    assert during.status.state is SourceState.LISTING


def test_F_39_a_relist_of_5000_comes_in_batches_and_ends_in_one_synced() -> None:
    pods = [pod(f"p{number}", number + 1) for number in range(5000)]
    seen = watch(
        Answer([error(410)]),
        *[page(*pods[start : start + 500], version=6000, more=str(start)) for start in range(0, 4500, 500)],
        page(*pods[4500:], version=6000),
        Answer([FOREVER]),
        seconds=5,
        resume_from="1",
        watch_list=False,
    )
    assert len(seen.told) == 5001
    assert told(seen)[-1] == ("SYNCED", "6000")
    assert seen.resume == [""] * 50 + ["6000"]


def test_status_says_since_when_and_when_it_last_heard() -> None:
    seen = watch(Answer([5.0, LISTED_A, 20.0, bookmark(12), FOREVER]), seconds=40)
    assert seen.status.source_id == "v1/pods"
    assert seen.status.state is SourceState.WATCHING
    assert (seen.status.since - START).total_seconds() == 5
    assert seen.status.last_frame_at is not None
    assert (seen.status.last_frame_at - START).total_seconds() == 25
