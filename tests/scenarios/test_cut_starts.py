"""What is covered when a start is cut short: nothing that was not told may count as old (C3, I1)."""

from pathlib import Path

from kwatch.model.decisions import Decision
from kwatch.store.state import State
from kwatch.testing.fake import Effect, Fault
from kwatch.testing.stage import Stage

RULES = """
packs: []
rules:
  - {name: noted, on: event, match: {reason: BackOff}, mode: notice}
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}
receivers: {hook: [{type: webhook, url: "http://hook.example.com/hook"}]}
route: {receiver: hook, group_wait: 0s}
"""


def cut_at_first_commit(stage: Stage, *, after: float) -> None:
    """Kill kwatch once, right after its first commit from an instant on."""

    class Wrapped(State):
        is_cut = False

        async def commit(self, decision: Decision) -> None:
            await super().commit(decision)
            if stage.now() >= after and not Wrapped.is_cut:
                Wrapped.is_cut = True
                stage.kill(back_after=10)

    stage.state_type = Wrapped


def test_an_event_of_an_absence_is_told_although_the_next_start_was_cut_and_the_history_is_gone(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, RULES)
    stage.pod(0)
    stage.absent(100, 300)
    stage.event(200)
    cut_at_first_commit(stage, after=300)
    stage.at(305, stage.cluster.compact)
    stage.run(until=600)
    assert stage.lines == ["310 hook notice noted shop/Pod/web-1"]


def test_an_event_after_the_last_that_was_heard_is_told_although_other_watches_went_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.absent(100, 200)
    stage.at(97, lambda: stage.cluster.strike(Fault(effect=Effect.HALF_OPEN, path="*/events")))
    stage.new_event(98)
    stage.pod(99)
    stage.at(150, stage.cluster.compact)
    stage.run(until=600)
    assert stage.lines == ["200.14 hook notice noted shop/Pod/web-1"]


def test_a_first_start_that_was_cut_is_a_first_start_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.cluster.faults.add(Fault(effect=Effect.DELAY, path="*/events", seconds=5, times=1))
    cut_at_first_commit(stage, after=-30)
    stage.pod(-30, status={"phase": "Failed"})
    stage.event(-25)
    stage.run(until=600)
    assert stage.lines == ["-20 hook summary broken shop/Pod/web-1"]


def test_an_event_that_was_written_long_after_it_happened_is_told_although_the_history_is_gone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RULES)
    stage.absent(100, 200)
    stage.event(95, name="web-0.a", about="Pod/shop/web-0")
    stage.at(97, lambda: stage.cluster.strike(Fault(effect=Effect.HALF_OPEN, path="*/events")))
    stage.event(98, last=90)
    stage.at(150, stage.cluster.compact)
    stage.run(until=600)
    assert stage.lines == ["95 hook notice noted shop/Pod/web-0", "200.14 hook notice noted shop/Pod/web-1"]
