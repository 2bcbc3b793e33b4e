"""Configurations that take one another's place."""

from typing import Any

from kwatch.testing.stage import Stage

BROKEN = "{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}, resolve_hold: 0s%s}"
EVICTED = "{name: evicted, on: resource, match: {kind: Pod, fields: {status.reason: Evicted}}, resolve_hold: 0s}"
FULL = '{name: full, on: resource, match: {kind: Node, condition: {DiskPressure: "True"}}, resolve_hold: 0s}'
NOTED = "{name: noted, on: event, match: {kind: Pod, reason: BackOff}, mode: notice, key: [namespace, name]}"
OFTEN = (
    "{name: often, on: event, match: {kind: Pod, reason: BackOff}, "
    "rate: {count: 5, within: 5m, per: [namespace, name]}}"
)

REFUSED = "the new configuration is wrong, the old one stays in use"


def rules(*lines: str) -> str:
    return "packs: []\nrules:\n" + "".join(f"  - {line}\n" for line in lines)


def routed(route: str, *, url: str = "hook", name: str = "hook") -> str:
    destination = f'{{type: webhook, name: {name}, url: "http://receiver.example/{url}"}}'
    return f"route: {{receiver: team, {route}}}\nreceivers: {{team: [{destination}]}}\n"


ONE = rules(BROKEN % "")
AT_ONCE = "group_by: [namespace], group_wait: 0s"
AT_ONCE_EACH = routed("group_by: [rule, namespace, name], group_wait: 0s")


def looks(stage: Stage, *instants: float) -> dict[float, Any]:
    seen: dict[float, Any] = {}

    async def look() -> None:
        seen[stage.now()] = (await stage.get("/readyz")).json()

    for instant in instants:
        stage.at(instant, look)
    return seen
