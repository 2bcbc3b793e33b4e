"""The configurations that the machine of `worlds` loads one after the other."""

from collections.abc import Mapping

#: `broken` may be switched off or be critical; `often` may be switched off, go to nobody, or ask for no rate; `slow`
#: may want the critical alone; and `wait` may be another. What is `noted` waits as long.
CONFIG = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, for: 30s, resolve_hold: 20s,
     flapping: {stable: 2m}, BROKEN}
  - {name: often, on: event, match: {reason: BackOff, kind: Pod}, RATE
     resolve: {condition: {Ready: "True"}}, resolve_hold: 20s,
     flapping: {stable: 2m}, OFTEN}
  - {name: noted, on: event, match: {reason: Evicted, kind: Pod}, mode: notice, dedup_window: 1m,
     key: [namespace, name]}
route: {receiver: team, group_wait: WAIT, group_interval: 30s, repeat_interval: 0s, group_by: [namespace],
        routes: [{match: {rule: often}, receiver: WHOM}]}
receivers:
  team:
    - {type: webhook, name: fast, url: "http://receiver.example/fast"}
    - {type: webhook, name: slow, url: "http://receiver.example/slow", severity: LEAST, pace: {per_minute: 6, burst: 5}}
"""
_RATE = "rate: {count: 3, within: 2m, per: [name]},"
_OFTEN = (
    {"OFTEN": "enabled: true", "RATE": _RATE, "WAIT": "5s", "WHOM": "team", "LEAST": "info"},
    {"OFTEN": "enabled: false", "RATE": _RATE, "WAIT": "40s", "WHOM": "team", "LEAST": "critical"},
    {"OFTEN": "enabled: true", "RATE": _RATE, "WAIT": "5s", "WHOM": "none", "LEAST": "critical"},
    {"OFTEN": "enabled: true", "RATE": "key: [namespace, name],", "WAIT": "5s", "WHOM": "team", "LEAST": "info"},
)


def _config(broken: str, words: Mapping[str, str]) -> str:
    text = CONFIG.replace("BROKEN", broken)
    for name, word in words.items():
        text = text.replace(name, word)
    return text


CONFIGS = tuple(
    _config(broken, words)
    for broken in ("severity: warning", "severity: critical", "enabled: false")
    for words in _OFTEN
)
