"""Paths through the same `[*]` in one mapping speak of one and the same element."""

from pathlib import Path
from typing import Any

import pytest

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, pod

APP = {"name": "app", "restartCount": 9, "state": {"running": {"startedAt": "2026-01-01T12:00:00Z"}}}
PROXY = {"name": "proxy", "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
PORTS = [
    {"name": "app", "ports": [{"name": "web", "containerPort": 80}, {"name": "admin", "containerPort": 9000}]},
    {"name": "proxy", "ports": [{"name": "web", "containerPort": 9000}]},
]

S = "status.containerStatuses[*]"
C = "spec.containers[*]"
NAMED_APP = f'"{S}.name": app'
RUNS_OFTEN = f'"{S}.restartCount": {{gt: 5}}'
BACK_OFF = f'"{S}.state.waiting.reason": CrashLoopBackOff'


def told(folder: Path, match: str) -> bool:
    """Play one Pod whose app has restarted often and whose proxy is in back-off, and return whether it is told."""
    rule = f"{{name: r, on: resource, match: {{kind: Pod, {match}}}, mode: notice}}"
    stage = Stage(folder, f"packs: []\nrules:\n  - {rule}\n{HOOK}")
    manifest: dict[str, Any] = {**pod("web", containerStatuses=[APP, PROXY]), "spec": {"containers": PORTS}}
    stage.apply(0, manifest)
    stage.run(until=60)
    return bool(stage.told)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        # one mapping of fields: one container
        (f"fields: {{{BACK_OFF}}}", True),
        (f'fields: {{{BACK_OFF}, "{S}.name": proxy}}', True),
        (f"fields: {{{BACK_OFF}, {NAMED_APP}}}", False),
        (f"fields: {{{RUNS_OFTEN}, {NAMED_APP}, status.phase: Running}}", True),
        # other lists are other elements
        (f'fields: {{{NAMED_APP}, "{C}.name": proxy}}', True),
        # beside `fields`, `not` and `any` speak of that container
        (f"fields: {{{BACK_OFF}}}, not: {{fields: {{{NAMED_APP}}}}}", True),
        (f"not: {{fields: {{{NAMED_APP}}}}}, fields: {{{RUNS_OFTEN}}}", False),
        (f"fields: {{{NAMED_APP}}}, any: [{{fields: {{{RUNS_OFTEN}}}}}, {{fields: {{{BACK_OFF}}}}}]", True),
        (f'fields: {{"{S}.name": proxy}}, any: [{{fields: {{{RUNS_OFTEN}}}}}, {{name: other}}]', False),
        (f'fields: {{"{S}.name": proxy}}, any: [{{fields: {{{RUNS_OFTEN}}}}}, {{name: web}}]', True),
        # a `not` that stands alone: there is no such container
        (f"not: {{fields: {{{NAMED_APP}}}}}", False),
        (f"not: {{fields: {{{NAMED_APP}, {BACK_OFF}}}}}", True),
        (f"any: [{{fields: {{{BACK_OFF}}}}}], not: {{fields: {{{NAMED_APP}}}}}", False),
        # an inner list is that of the outer element
        (f'fields: {{"{C}.name": app, "{C}.ports[*].containerPort": 9000}}', True),
        (f'fields: {{"{C}.ports[*].name": web, "{C}.ports[*].containerPort": 9000}}', True),
        (f'fields: {{"{C}.name": app, "{C}.ports[*].name": web, "{C}.ports[*].containerPort": 9000}}', False),
        (f'fields: {{"{C}.name": app, "{C}.ports[*].name": web, "{C}.ports[*].containerPort": 80}}', True),
        # what both lists have part in
        (
            f'fields: {{{NAMED_APP}, "{C}.name": app}}, not: {{fields: {{{RUNS_OFTEN}, "{C}.ports[*].name": admin}}}}',
            False,
        ),
        (
            f'fields: {{{NAMED_APP}, "{C}.name": "*"}}, not: {{fields: {{{RUNS_OFTEN}, "{C}.ports[*].name": admin}}}}',
            True,
        ),
    ],
)
def test_which_elements_are_meant(tmp_path: Path, match: str, expected: bool) -> None:
    assert told(tmp_path, match) is expected
