"""Steps of an escalation that are others after a reload or a restart hold for the alerts that are open."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import Silences
from tests.scenarios.test_escalation import FIRST, ONE, POD, configured, stage_of

THREE, TWENTY = ONE.replace("10m", "3m"), ONE.replace("10m", "20m")
BOTH = "[{after: 10m, receiver: oncall}, {after: 30m, receiver: boss}]"


def steps(some: str) -> str:
    """Return a configuration of these steps; who has none is told of an alert that there is not."""
    text = configured(some)
    return text.replace("escalate: []", "routes: [{match: {name: nobody}, receiver: oncall}]")


CASES = [
    pytest.param("[]", ONE, "600", id="added"),
    pytest.param(ONE, "[]", "", id="taken away"),
    pytest.param(ONE, THREE, "300", id="sooner, and past"),
    pytest.param(ONE, TWENTY, "1200", id="later"),
    pytest.param(ONE, ONE, "600", id="the same"),
]


@pytest.mark.parametrize(("before", "after", "told_at"), CASES)
def test_T13_a_reload_changes_the_steps_ahead(tmp_path: Path, before: str, after: str, told_at: str) -> None:
    stage = Stage(tmp_path, steps(before))
    stage.pod(0, ready=False)
    stage.reload(300, steps(after))
    stage.run(until=2000)
    assert stage.lines == [FIRST, *([f"{told_at} phone firing {POD}"] if told_at else [])]


def test_so_does_a_restart(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE)
    stage.absent(100, 200, steps(TWENTY))
    stage.run(until=2000)
    assert stage.lines == [FIRST, f"1200 phone firing {POD}"]


def test_what_was_suspended_still_is_not_counted(tmp_path: Path) -> None:
    """Silent from 100 to 400."""
    stage = stage_of(tmp_path, ONE)
    Silences(stage).add(100, {"name": "web-1"}, until=400)
    stage.reload(500, steps(TWENTY))
    stage.run(until=2000)
    assert stage.lines == [FIRST, f"1500 phone firing {POD}"]


def _reload(stage: Stage) -> None:
    stage.reload(700, steps(BOTH))


def _restart(stage: Stage) -> None:
    stage.absent(700, 701, steps(BOTH))


@pytest.mark.parametrize("change", [_reload, _restart])
def test_a_step_that_was_taken_is_not_taken_again(tmp_path: Path, change: Callable[[Stage], None]) -> None:
    stage = stage_of(tmp_path, ONE)
    change(stage)
    stage.run(until=2000)
    assert stage.lines == [FIRST, f"600 phone firing {POD}", f"1800 mail firing {POD}"]


def test_nor_is_any_of_what_somebody_takes_care_of(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, ONE)
    stage.ack(200, "not-ready")
    stage.reload(300, steps(THREE))
    stage.run(until=2000)
    assert stage.lines == [FIRST, f"200 hook update {POD}"]
