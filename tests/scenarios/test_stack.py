"""The traps of our own stack, through the shipped composition in virtual time (P1 to P3, P6, P7, P9)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kwatch.config.load import load
from kwatch.errors import ConfigError
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage
from kwatch.testing.virtual import VirtualClock
from tests.scenarios.plays import BROKEN, HOOK, play, pod
from tests.scenarios.scrapes import scrapes


def strike(stage: Stage, at: float, effect: Effect, path: str = "*", **words: Any) -> None:
    stage.at(at, lambda: stage.cluster.strike(Fault(effect=effect, path=path, **words)))


def test_P1_a_half_open_connection_is_given_up_and_nothing_is_lost(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    pods.phase(0, "a", "Running")
    strike(stage, 100, Effect.HALF_OPEN, "*/pods")
    pods.phase(110, "a")
    seen = scrapes(stage, 99, 170, 180)
    stage.run(until=3600)
    assert [round(each['watch_age_seconds{source="v1/pods"}'], 3) for each in seen] == [9, 80, 0.648]
    assert stage.lines == ["179.352 hook firing broken shop/Pod/a"]  # 75 to 90 s of silence, then up to 2 s of pause


@pytest.mark.parametrize(("form", "listed"), [("status", "101.39"), ("frame", "100.684")])  # pauses have jitter
def test_P2_both_forms_of_410_bring_the_differences_and_nothing_else(tmp_path: Path, form: str, listed: str) -> None:
    """Only a list helps: as a status each watch is answered so for a while, as a frame the history is compacted."""
    stage, pods = play(tmp_path, BROKEN + HOOK)
    for name in ("deleted", "stays"):
        pods.phase(0, name, ns=name)
    pods.phase(0, "well", "Running", ns="well")
    if form == "status":
        stage.cluster.watch_list = False  # lists are no watches
        gone = Fault(effect=Effect.GONE, path="*/pods", watch=True, times=1000)
        stage.at(100, lambda: stage.cluster.faults.add(gone))
        stage.at(200, stage.cluster.faults.clear)
        strike(stage, 100, Effect.DROP, "*/pods")
    else:
        strike(stage, 100, Effect.GONE, "*/pods")
    pods.gone(100, "deleted", ns="deleted")
    pods.phase(100, "added", ns="added")
    pods.phase(100, "well", ns="well")
    if form == "frame":
        stage.at(100, stage.cluster.compact)
    stage.run(until=3600)
    assert stage.lines == [
        "0 hook firing broken deleted/Pod/deleted",
        "0 hook firing broken stays/Pod/stays",
        f"{listed} hook resolved broken deleted/Pod/deleted",
        f"{listed} hook firing broken added/Pod/added",
        f"{listed} hook firing broken well/Pod/well",
    ]


#: Faults that may strike an open watch at any time, and what its next request may meet.
STRIKES = (Effect.DROP, Effect.GONE, Effect.CLOSE, Effect.TRUNCATE, Effect.HALF_OPEN)
REQUESTS = (Effect.HTML_500, Effect.TOO_MANY, Effect.GONE, Effect.DUPLICATE, Effect.REORDER, Effect.TRUNCATE)
TROUBLE = st.tuples(st.integers(0, 1999), st.sampled_from(STRIKES), st.lists(st.sampled_from(REQUESTS), max_size=2))
#: What happens every 400 s: which Pod is in which phase from then on; None: it is deleted.
ACTS = st.tuples(st.sampled_from("ab"), st.sampled_from(("Failed", "Running", None)))
MIXED = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s, key: [name]}
  - {name: noted, on: event, match: {reason: BackOff}, mode: notice, key: [name], dedup_window: 1s}
route: {receiver: team, group_by: [rule, name], group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""


def played(folder: Path, acts: list[tuple[str, str | None]], troubles: list[Any]) -> list[str]:
    """Return what was told, without instants, in the order of the acts that it is about."""
    folder.mkdir()
    stage, pods = play(folder, MIXED)
    there: set[str] = set()
    for number, (name, phase) in enumerate(acts):
        at = 400 * number
        if phase is not None:
            pods.phase(at, name, phase)
            there.add(name)
        elif name in there:
            pods.gone(at, name)
            there.discard(name)
        pods.event(at, name, number + 1, firstTimestamp=stage.time(0))
    for at, effect, later in troubles:
        for fault in later:
            stage.at(at, lambda fault=fault: stage.cluster.faults.add(Fault(effect=fault)))  # type: ignore[misc]
        strike(stage, at, effect)
    told = stage.run(until=400 * len(acts))
    return sorted(f"{int(one.at // 400)} {str(one).partition(' ')[2]}" for one in told)


@settings(max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=5, max_size=5), troubles=st.lists(TROUBLE, min_size=1, max_size=6))
def test_P3_a_disturbed_stream_tells_what_a_perfect_one_does(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str | None]], troubles: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("p3")
    assert played(folder / "disturbed", acts, troubles) == played(folder / "perfect", acts, [])


def test_P3_an_older_state_that_comes_after_a_newer_one_is_no_news(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.cluster.faults.add(Fault(effect=Effect.REORDER, path="*/pods", after=2, watch=True))
    for at, phase in ((0, "Running"), (10, "Failed"), (20, "Running"), (100, "Failed")):
        pods.phase(at, "a", phase)
    stage.run(until=3600)
    assert stage.lines == ["100 hook firing broken shop/Pod/a"]


def test_P6_an_expired_page_of_a_list_starts_it_again_and_nothing_is_told_twice(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.cluster.watch_list = False
    for number in range(1200):
        stage.cluster.apply(pod(f"p{number:04}", ns=f"ns-{number % 7}"))
    stage.cluster.apply(pod("a", "Failed"))
    strike(stage, 100, Effect.GONE, "*/pods")
    slow = Fault(effect=Effect.DELAY, path="*/pods", watch=False, times=2, seconds=10)
    stage.at(100, lambda: stage.cluster.faults.add(slow))
    stage.at(115, stage.cluster.compact)
    pods.phase(114, "b", ns="other")
    stage.run(until=3600)
    assert stage.lines == ["-30 hook summary broken shop/Pod/a", "120.931 hook firing broken other/Pod/b"]
    assert stage.counted("watch_lists", source="v1/pods") == 3


class LateOnce(VirtualClock):
    """A clock whose owner was busy for 0.3 s at some time in its second minute."""

    def awake(self) -> float:
        """Return the time awake."""
        return super().awake() + (0.3 if super().awake() > 60 else 0.0)


@pytest.mark.parametrize(("clock", "in_time"), [(VirtualClock, 4), (LateOnce, 3)])
def test_P7_how_late_the_event_loop_is_is_measured(tmp_path: Path, clock: type[VirtualClock], in_time: int) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    stage.own_clock = clock(datetime(2026, 1, 1, 11, 59, 30, tzinfo=UTC), stage.loop)
    pods.phase(0, "a")
    seen = scrapes(stage, 95)
    stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a"]
    assert [seen[0][f'loop_lag_seconds_bucket{{le="{bound}"}}'] for bound in ("0.25", "1.0")] == [in_time, 4]


TITLED = """
route: {receiver: team, group_by: [namespace], group_wait: 0s}
receivers:
  team: [{type: webhook, name: hook, url: "http://receiver.example/hook", template: {title: "TITLE"}}]
"""


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ ''.__class__.__mro__ }}", "names do not begin with an underscore: __mro__"),
        ("{{ title.__init__.__globals__ }}", "names do not begin with an underscore: __globals__"),
        ("{{ labels|attr('__class__') }}", "No filter named 'attr'."),
        ("{{ range(100000) }}", "calls are not in the language of templates"),
        ("{{ 9**9**9 }}", "powers are not in the language of templates"),
    ],
)
def test_P9_a_template_that_reaches_behind_its_words_is_refused(tmp_path: Path, template: str, problem: str) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(BROKEN + TITLED.replace("TITLE", template))
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.problems == (f"{path}:10:93: title: line 1: {problem}",)


#: What no sample is about, so that the template passes when it is loaded.
ONLY_HERE = "{% if 'broken' in title %}COST{% endif %}"


@pytest.mark.parametrize("cost", ["{{ 'a' * 200000000 }}", "{{ ('%' ~ '0200000000d') % 1 }}"])
def test_P9_a_template_that_costs_too_much_gives_way_to_the_built_in_one(
    tmp_path: Path, cost: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage, pods = play(tmp_path, BROKEN + TITLED.replace("TITLE", ONLY_HERE.replace("COST", cost)))
    pods.phase(0, "a")
    reasons: list[str] = []

    async def ask() -> None:
        (delivery,) = (await stage.get("/api/v1/deliveries")).json()["deliveries"]
        story = (await stage.get(f"/api/v1/deliveries/{delivery['id']}")).json()
        reasons.append(story["message"]["fallback_reason"])

    stage.at(30, ask)
    (told,) = stage.run(until=600)
    assert stage.lines == ["0 hook firing broken shop/Pod/a"]
    assert told.document["title"] == "🟠 WARNING · broken · shop/Pod/a · since 12:00 UTC"
    assert reasons[0].startswith("template title: the operator ")
    assert told.document["notes"] == [f"not as your template has it: {reasons[0]}"]
    assert stage.counted("template_failures", destination="hook") == 1
    assert [record.message for record in caplog.records] == ["a template failed"]
