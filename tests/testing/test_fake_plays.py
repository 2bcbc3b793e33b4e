"""Time lines, the demonstration and recordings, in virtual time."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing import virtual
from kwatch.testing.fake import FakeCluster
from kwatch.testing.fake.recording import Recording, RecordingPlayer, load_recording
from kwatch.testing.fake.scenario import DEMO, ScenarioPlayer, load_scenario, read_scenario
from kwatch.testing.fake.store import Change

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
INCIDENTS = Path(__file__).parents[1] / "corpus" / "incidents-1.ndjson.gz"


def played(text: str, seconds: float) -> list[tuple[float, str, str]]:
    """Play a time line so long; return (second, change, name) of all Pods and Events."""

    async def body() -> list[tuple[float, str, str]]:
        loop = asyncio.get_running_loop()
        cluster = FakeCluster(virtual.VirtualClock(START, loop))
        seen: list[tuple[float, str, str]] = []

        def note() -> None:
            entry = max(cluster.store.entries("pods", 0) + cluster.store.entries("events", 0))
            seen.append((loop.time(), entry.change.value, entry.key[1]))

        player = ScenarioPlayer(read_scenario(text), cluster)
        with cluster.store.listening("pods", note), cluster.store.listening("events", note):
            player.begin()
            playing = asyncio.create_task(player.run())
            await asyncio.wait({playing}, timeout=seconds)
            playing.cancel()
        return seen

    return virtual.run(body())


POD = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}}"


def test_steps_happen_at_their_times() -> None:
    text = f"""
steps:
  - {{at: 10s, apply: {POD}}}
  - {{at: 1m, delete: {POD}}}
"""
    assert played(text, 100) == [(10, "ADDED", "web"), (60, "DELETED", "web")]


def test_a_scenario_may_repeat() -> None:
    text = f"""
repeat: 100s
steps:
  - {{apply: {POD}}}
  - {{at: 40s, delete: {POD}}}
"""
    assert played(text, 150) == [
        (0, "ADDED", "web"),
        (40, "DELETED", "web"),
        (100, "ADDED", "web"),
        (140, "DELETED", "web"),
    ]


def test_the_same_event_again_is_the_same_object() -> None:
    event = (
        "{regarding: {kind: Pod, name: web, namespace: shop}, type: Warning, reason: BackOff, message: m, component: c}"
    )
    text = f"""
steps:
  - {{at: 1s, event: {event}}}
  - {{at: 5s, event: {event}}}
"""
    name = "web.1886999c723c4a00"
    assert played(text, 10) == [(1, "ADDED", name), (5, "MODIFIED", name)]


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{at: 10s}", "step 1: one of apply, delete, event"),
        ("{at: 10s, aply: {}}", "not aply"),
        ("{at: soon, compact: all}", "'soon' is no duration"),
    ],
)
def test_a_wrong_step_is_named(step: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_scenario(f"steps: [{step}]")


def test_the_demonstration_ends_its_round_as_it_began() -> None:
    async def body() -> Any:
        cluster = FakeCluster(virtual.VirtualClock(START, asyncio.get_running_loop()))
        player = ScenarioPlayer(load_scenario(DEMO), cluster)
        player.begin()
        before = states(cluster)
        playing = asyncio.create_task(player.run())
        await asyncio.wait({playing}, timeout=60)
        during = states(cluster)
        await asyncio.wait({playing}, timeout=239)
        playing.cancel()
        return before, during, states(cluster)

    before, during, after = virtual.run(body())
    assert before == after
    assert before == {"web-5d4f8b-x2kqp": "running", "worker-6b7c9d-f7m2z": "running"}
    assert during == {
        "web-5d4f8b-x2kqp": "running",
        "worker-6b7c9d-f7m2z": "CrashLoopBackOff",
        "web-7c9a11-q8w4r": "ImagePullBackOff",
        "report": "Pending",
    }


def states(cluster: FakeCluster) -> dict[str, str]:
    """Return what each Pod waits for, or that it runs."""
    return {pod["metadata"]["name"]: state_of(pod["status"]) for pod in cluster.store.objects("pods")}


def state_of(status: dict[str, Any]) -> str:
    if "containerStatuses" not in status:
        return str(status["phase"])
    state = status["containerStatuses"][0]["state"]
    return str(state["waiting"]["reason"]) if "waiting" in state else "running"


# -- recordings --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def incidents() -> Recording:
    return load_recording(INCIDENTS)


def replayed(recording: Recording, start: datetime, speed: float = 1.0) -> tuple[FakeCluster, float]:
    """Play a recording on a clock that begins at `start`; return the cluster and the seconds that it took."""

    async def body() -> tuple[FakeCluster, float]:
        loop = asyncio.get_running_loop()
        cluster = FakeCluster(virtual.VirtualClock(start, loop))
        player = RecordingPlayer(recording, cluster, speed=speed)
        player.begin()
        await player.run()
        return cluster, loop.time()

    return virtual.run(body())


def test_a_recording_holds_what_was_there_and_what_happened(incidents: Recording) -> None:
    assert incidents.start == datetime(2026, 11, 21, 7, 51, 12, 62627, UTC)
    assert len(incidents.initial) == 8
    assert len(incidents.frames) == 861


def test_a_recording_takes_its_own_time(incidents: Recording) -> None:
    _, seconds = replayed(incidents, incidents.start)
    assert seconds == pytest.approx(incidents.frames[-1].at)


def test_at_its_own_time_a_recording_is_played_unchanged(incidents: Recording) -> None:
    cluster, _ = replayed(incidents, incidents.start)
    played_node, recorded = cluster.store.objects("nodes")[0], last(incidents, "Node")
    assert without_version(played_node) == without_version(recorded)


def test_every_change_of_a_recording_is_told(incidents: Recording) -> None:
    cluster, _ = replayed(incidents, incidents.start)
    pods = [frame for frame in incidents.frames if frame.body["kind"] == "Pod"]
    changes = cluster.store.entries("pods", 0)
    assert len(changes) == len(pods)
    assert sum(change.change is Change.DELETED for change in changes) == 12


def test_later_all_times_of_a_recording_move_with_it(incidents: Recording) -> None:
    cluster, _ = replayed(incidents, incidents.start + timedelta(days=1, seconds=7))
    node, recorded = cluster.store.objects("nodes")[0], last(incidents, "Node")
    assert recorded["metadata"]["creationTimestamp"] == "2026-11-21T07:51:11Z"
    assert node["metadata"]["creationTimestamp"] == "2026-11-22T07:51:18Z"


def test_the_time_in_an_events_name_moves_too(incidents: Recording) -> None:
    same, _ = replayed(incidents, incidents.start)
    later, _ = replayed(incidents, incidents.start + timedelta(hours=1))
    first, moved = same.store.objects("events")[0], later.store.objects("events")[0]
    hour = 3_600_000_000_000
    assert nanoseconds(moved) - nanoseconds(first) == hour


def test_a_recording_may_be_played_faster(incidents: Recording) -> None:
    _, seconds = replayed(incidents, incidents.start, speed=10)
    assert seconds == pytest.approx(incidents.frames[-1].at / 10)


def nanoseconds(event: dict[str, Any]) -> int:
    return int(event["metadata"]["name"].rpartition(".")[2], 16)


def last(recording: Recording, kind: str) -> dict[str, Any]:
    return [frame.body for frame in recording.frames if frame.body["kind"] == kind][-1]


def without_version(body: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in body["metadata"].items() if key != "resourceVersion"}
    return {**body, "metadata": metadata}
