"""S-52 and S-53: what begins within group_wait is one message."""

from pathlib import Path

from kwatch.testing.stage import Stage
from tests.scenarios.writing import NOT_READY, text

BY_NAMESPACE = text(NOT_READY % "for: 0s", route="group_by: [namespace], group_wait: 15s, group_interval: 2m")


def test_S52_alerts_within_group_wait_share_a_message(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BY_NAMESPACE)
    stage.pod(0, "web-1", ready=False)
    stage.pod(10, "web-2", ready=False)
    stage.run(until=3600)
    assert stage.lines == ["15 hook firing not-ready shop/Pod/web-1, not-ready shop/Pod/web-2"]


def test_S53_one_at_the_very_end_of_it_is_included(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BY_NAMESPACE)
    stage.pod(0, "web-1", ready=False)
    stage.pod(15, "web-2", ready=False)
    stage.run(until=3600)
    assert stage.lines == ["15 hook firing not-ready shop/Pod/web-1, not-ready shop/Pod/web-2"]
