"""T04: what a storm has folded is told to those whom the routes name, and to nobody else."""

from pathlib import Path

from tests.scenarios.plays import BROKEN, play

TWO = """
route:
  receiver: team
  group_by: [namespace, workload]
  group_wait: 0s
  routes: [{match: {namespace: web}, receiver: web}, {match: {namespace: none}, receiver: none}]
receivers:
  team: [{type: webhook, name: hook, url: "http://receiver.example/hook", pace: {per_minute: 5, burst: 1}}]
  web: [{type: webhook, name: web, url: "http://receiver.example/web", pace: {per_minute: 5, burst: 1}}]
"""


def test_T04_an_overflow_tells_a_destination_only_of_what_its_routes_take(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + TWO)
    for ns in ("shop", "web", "none"):
        for number in range(3):
            pods.phase(60 + number, f"p{number}", ns=ns)
    told = sorted(stage.run(until=600), key=lambda one: (one.at, one.destination))
    assert [(one.at, one.destination, one.kind, one.document.get("counts", [])) for one in told] == [
        (60, "hook", "firing", []),
        (60, "web", "firing", []),
        (121, "hook", "overflow", ["2 × broken (shop)"]),
        (121, "web", "overflow", ["2 × broken (web)"]),
    ]
