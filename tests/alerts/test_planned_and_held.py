"""Planned changes beside silences, digests and a clock that is set."""

from datetime import timedelta

import pytest
from world import World, at, level, route

from kwatch.model.conditions import AllOf, LabelIs, Text
from kwatch.model.planned import PlannedKind, PlannedStep, Progress
from kwatch.model.routes import Destination, DigestPlan
from kwatch.model.schedules import CronSchedule
from kwatch.model.silences import Silence

HOUR = timedelta(hours=1)
PAPER = Destination(name="paper", receiver="team", type="smtp", digest=DigestPlan(CronSchedule("0 * * * *", "UTC")))


def step(world: World, second: float, progress: Progress, **words: object) -> None:
    world.advance(second)
    world.engine.plan(
        PlannedStep(
            kind=PlannedKind.ROLLOUT, subject="Deployment shop/web", progress=progress, revision="2", pods=3, **words
        ),
        at(second),
    )
    world.advance(second)


def test_what_went_well_is_one_notice_in_a_digest() -> None:
    world = World(level(), destinations=(PAPER,))
    step(world, 10, Progress.BEGUN)
    world.true(20, workload="Deployment/web")
    world.false(40, workload="Deployment/web")
    step(world, 50, Progress.DONE)
    world.advance(3700)
    (digest,) = world.notifications
    assert [(section.part.value, section.count) for section in digest.content.sections] == [("notices", 1)]
    assert digest.content.alerts[0].rule == "planned-change"


def test_a_clock_that_is_set_forward_ends_no_plan_early() -> None:
    world = World(level(), root=route())
    step(world, 10, Progress.BEGUN)
    world.true(20, workload="Deployment/web")
    world.advance(30)
    world.engine.jump(HOUR)
    world.now += HOUR
    world.advance(3600 + 500)
    assert world.brief == []
    world.advance(3600 + 700)
    assert world.brief == ["firing@4210"]


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_S117_a_clock_that_is_set_makes_no_change_longer_or_shorter(by: timedelta) -> None:
    world = World(level(), root=route())
    step(world, 10, Progress.BEGUN)
    world.true(20, workload="Deployment/web")
    world.false(40, workload="Deployment/web")
    world.engine.jump(by)
    world.now += by
    step(world, 50 + by.total_seconds(), Progress.DONE)
    world.advance(700 + by.total_seconds())
    (said,) = world.notifications
    text = said.content.alerts[0].message
    assert text == "Deployment shop/web rolled out: 3 Pods, 40 s, 1 alert came and went"


def test_nothing_is_concluded_while_nobody_watches() -> None:
    world = World(level(), root=route())
    step(world, 10, Progress.BEGUN)
    world.true(20, workload="Deployment/web")
    world.advance(30)
    world.engine.blind(at(30))
    world.advance(2000)
    assert world.brief == []
    world.thaw(2001)
    world.engine.sighted(at(2002))
    world.advance(2002)
    assert world.brief == ["firing@2002"]


def test_what_a_plan_holds_after_a_silence_is_said_to_be_held_by_the_plan() -> None:
    world = World(level(), root=route())
    step(world, 10, Progress.BEGUN)
    silence = Silence(
        id="s",
        match=AllOf((LabelIs("namespace", (Text("shop"),)),)),
        asked="namespace=shop",
        owner="ann",
        comment="",
        created_at=at(0),
        starts_at=at(11),
        ends_at=at(100),
    )
    world.engine.add_silence(silence, "ann", at(11))
    world.true(20, workload="Deployment/web")
    world.advance(101)
    (says,) = world.engine.insight.muted(at(101)).values()
    assert says == "held back by the rollout of Deployment shop/web"
