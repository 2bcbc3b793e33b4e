"""`kill -9` at each commit and socket boundary and at random, under load: nothing is lost, repetitions ≤ crashes.

Fifty runs kill the shipped command with the shipped settings; beside them there is one for each boundary inside: see
`runs`. Several go at a time; a run that is not selected is not made. The seed is in each name: `KWATCH_CRASH_SEED`
gives others. What is owed, and what may be repeated, stands in `history`; it is judged by what a webhook and a mailbox
read.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.crash.runs import Plan, Report, Run, plans

SEED = int(os.environ.get("KWATCH_CRASH_SEED", "1"))
#: Runs at a time: a run waits more than it computes.
WIDTH = 5
PLANS = tuple(plans(SEED))


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    """Make the runs whose tests were selected."""
    chosen = {item.callspec.params.get("plan") for item in request.session.items if hasattr(item, "callspec")}
    return asyncio.run(_play([plan for plan in PLANS if plan in chosen], tmp_path_factory.mktemp("crash")))


async def _play(chosen: list[Plan], folder: Path) -> dict[str, Report]:
    free = asyncio.Semaphore(WIDTH)

    async def play(plan: Plan) -> Report:
        async with free:
            home = folder / plan.name
            home.mkdir()
            return await Run(plan, home).play()

    return {report.plan.name: report for report in await asyncio.gather(*(play(plan) for plan in chosen))}


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.name}-seed-{plan.seed}")
def test_nothing_is_lost(plan: Plan, reports: Mapping[str, Report]) -> None:
    report = reports[plan.name]
    assert report.violations == (), report.log
    assert report.hits > 0, "nothing was put to the test"
