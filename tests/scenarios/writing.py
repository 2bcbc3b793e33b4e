"""The YAML of the scenarios: rules as lines, one route, one webhook."""

HOOK = '{type: webhook, url: "https://example.com/hook"}'


def text(*rules: str, route: str = "group_wait: 0s", more: str = "") -> str:
    """Return a configuration of these rules alone, told at once to one webhook unless `route` says otherwise."""
    lines = "\n".join(f"  - {rule}" for rule in rules)
    return f"packs: []\nrules:\n{lines}\nroute: {{receiver: team, {route}}}\nreceivers: {{team: [{HOOK}]}}\n{more}"


def often(*counts: int, within: str = "60s", more: str = "") -> str:
    """Return a configuration with one rule per count: `often-5` fires at the fifth BackOff within the window.

    It does not end by quiet while a play lasts.
    """
    return text(*(often_rule(count, within) for count in counts), more=more)


def often_rule(count: int, within: str) -> str:
    """Return the rule `often-N` of such a configuration."""
    return (
        f"{{name: often-{count}, on: event, match: {{reason: BackOff}}, quiet: 12h, "
        f"rate: {{count: {count}, within: {within}, per: [namespace, workload]}}}}"
    )


NOT_READY = '{name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, %s}'
BACK_OFF = "{name: back-off, on: event, match: {reason: BackOff}}"
#: Silence does not end it while a play lasts.
LASTING = BACK_OFF.replace("}}", "}, quiet: 12h}")
