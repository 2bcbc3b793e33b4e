"""Inhibitions that look like a circle and are none: they are taken. Those that are one are in `bad/`."""

from pathlib import Path

import pytest

from kwatch.config.load import load

RULES = """packs: []
rules:
  - {name: w, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}
  - {name: c, on: resource, severity: critical, match: {kind: Pod, fields: {status.phase: Unknown}}}
  - {name: n, on: resource, severity: critical, match: {kind: Node, condition: {Ready: "False"}}}
  - {name: any, on: event, severity: info, match: {reason: A}}
  - {name: moment, on: event, severity: critical, mode: notice, match: {reason: B}}
  - {name: absent, on: event, severity: critical, match: {reason: C, kind: Pod}, absent_for: 1h}
inhibit:
"""


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(
            "[{when: {rule: w, namespace: a}, mute: {rule: c, namespace: a}, equal: [namespace]},"
            " {when: {rule: c, namespace: b}, mute: {rule: w, namespace: b}, equal: [namespace]}]",
            id="each in a namespace of its own",
        ),
        pytest.param(
            "[{when: {kind: Node}, mute: {kind: '*'}, equal: [node]},"
            " {when: {kind: Pod}, mute: {kind: Pod}, equal: [node]}]",
            id="S-74 of two Pods the earlier",
        ),
        pytest.param(
            "[{when: {severity: critical}, mute: {severity: [critical, warning]}, equal: [namespace]},"
            " {when: {rule: n}, mute: {rule: c}, equal: [node]}]",
            id="S-74 of two critical ones the earlier, and one way of another entry",
        ),
        pytest.param(
            "[{when: {severity: critical}, mute: {severity: warning}, equal: [namespace]},"
            " {when: {rule: w}, mute: {rule: n}, equal: [node]}]",
            id="a Node has no namespace",
        ),
        pytest.param(
            "[{when: {kind: Pod, severity: critical}, mute: {rule: any}, equal: [namespace]},"
            " {when: {kind: Event, severity: info}, mute: {rule: c}, equal: [namespace]}]",
            id="of a rule on any kind nothing is known",
        ),
        pytest.param(
            "[{when: {rule: w}, mute: {rule: [moment, absent]}, equal: [namespace]},"
            " {when: {severity: critical}, mute: {rule: w}, equal: [namespace]}]",
            id="a notice holds nothing back, and what is absent may have no namespace",
        ),
        pytest.param(
            "[{when: {rule: w}, mute: {rule: c}, equal: [reason]}, {when: {severity: critical}, mute: {rule: w}}]",
            id="alerts of objects have no reason",
        ),
    ],
)
def test_what_is_no_circle_is_taken(entries: str, tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(f"{RULES}  {entries}\n", "utf-8")
    assert len(load(path, environ={}).inhibitions) == 2
