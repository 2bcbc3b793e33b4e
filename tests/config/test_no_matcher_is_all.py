"""T02: a matcher that is invalid or empty never matches everything by accident; it is refused, wherever it stands."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.config.load import load
from kwatch.config.matching import KnownNames
from kwatch.config.silences import read_silence
from kwatch.errors import ConfigError, RefusedError

LABELS = ("cluster", "rule", "severity", "namespace", "name", "kind", "workload", "node", "reason")
WORDS = (
    *("reason", "type", "kind", "namespace", "name", "message"),
    *("component", "host", "owner", "workload", "node", "change"),
)
#: None of these says what is to match.
NOTHING: tuple[Any, ...] = (
    "",
    " ",
    [],
    [""],
    ["a", ""],
    {},
    {"regex": "("},
    {"regex": ""},
    {"regexp": "a"},
    None,
    [None],
)

nothing = st.sampled_from(NOTHING)
of_label = st.builds(lambda label, value: {label: value}, st.sampled_from(LABELS), nothing)
of_word = st.builds(lambda word, value: {word: value}, st.sampled_from(WORDS), nothing)
of_part = st.builds(
    lambda part, value: {"kind": "Pod", part: {"app": value}},
    st.sampled_from(("labels", "annotations", "fields", "condition")),
    nothing,
)


def within(bad: st.SearchStrategy[dict[str, Any]], good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Put what is bad by itself, beside something good, under a `not` or into an alternative."""
    return st.recursive(
        bad | bad.map(lambda each: {**good, **each}),
        lambda inner: inner.map(lambda each: {**good, "not": each}) | inner.map(lambda each: {"any": [good, each]}),
        max_leaves=2,
    )


@given(match=within(of_label, {"namespace": "shop"}))
def test_T02_of_a_silence(match: dict[str, Any]) -> None:
    known = KnownNames(labels=frozenset(LABELS), rules=frozenset({"broken"}))
    asked = {"match": match, "for": "1h"}
    with pytest.raises(RefusedError):
        read_silence(asked, known, cluster="stage", owner="alice", now=datetime(2026, 1, 1, tzinfo=UTC))


CONFIG = """
packs: []
rules:
  - {name: broken, on: event, match: RULE}
inhibit:
  - {when: WHEN, mute: MUTE, equal: [namespace]}
route: {receiver: team, routes: [{match: ROUTE, receiver: none}]}
receivers: {team: [{type: webhook, url: "http://receiver.example/hook"}]}
"""
GOOD = {
    "RULE": {"reason": "BackOff", "kind": "Pod"},
    "WHEN": {"severity": "critical"},
    "MUTE": {"severity": "warning"},
    "ROUTE": {"namespace": "shop"},
}


def refused(path: Path, **matches: dict[str, Any]) -> bool:
    text = CONFIG
    for place, match in (GOOD | matches).items():
        text = text.replace(place, json.dumps(match))
    path.write_text(text)
    try:
        load(path, environ={})
    except ConfigError:
        return True
    return False


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("matchers") / "kwatch.yaml"


def test_T02_what_says_something_is_taken(path: Path) -> None:
    assert not refused(path)


@given(match=within(of_word | of_part, {"reason": "BackOff", "kind": "Pod"}))
def test_T02_of_a_rule(path: Path, match: dict[str, Any]) -> None:
    assert refused(path, RULE=match)


@given(place=st.sampled_from(("WHEN", "MUTE", "ROUTE")), match=within(of_label, {"namespace": "shop"}))
def test_T02_of_an_inhibition_or_a_route(path: Path, place: str, match: dict[str, Any]) -> None:
    assert refused(path, **{place: match})
