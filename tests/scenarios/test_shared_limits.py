"""Destinations that one limit of a service counts together wait together (D7, F-16)."""

from pathlib import Path

import httpx
import pytest

from tests.scenarios.plays import BROKEN, play

TWO = (
    BROKEN
    + """
route: {receiver: team, group_by: [namespace, name], group_wait: 0s, routes: [{match: {rule: worse}, receiver: oncall}]}
receivers:
  team: [{type: webhook, name: a, url: "http://r.example/one"}]
  oncall: [{type: webhook, name: b, url: "http://r.example/%s"}]
"""
)


@pytest.mark.parametrize(("place", "told_at"), [("one", "220"), ("other", "150")])
def test_f_16_a_pause_is_that_of_all_whom_the_limit_counts(tmp_path: Path, place: str, told_at: str) -> None:
    stage, pods = play(tmp_path, TWO % place)
    stage.answer = lambda request: (
        httpx.Response(429, headers={"Retry-After": "120"}) if stage.now() == 100 else httpx.Response(200)
    )
    pods.phase(100, "x")
    pods.phase(150, "y", "Unknown")
    stage.run(until=600)
    assert sorted(stage.lines) == sorted(
        [f"{told_at} {place} firing worse shop/Pod/y", "220 one firing broken shop/Pod/x"]
    )


def test_a_limit_that_is_changed_on_reload_is_another(tmp_path: Path) -> None:
    """The destination goes elsewhere from 130 on, where nobody has asked it to wait."""
    stage, pods = play(tmp_path, TWO % "one")
    stage.answer = lambda request: (
        httpx.Response(429, headers={"Retry-After": "120"}) if stage.now() == 140 else httpx.Response(200)
    )
    stage.reload(130, TWO % "other")
    pods.phase(140, "x")
    pods.phase(150, "y", "Unknown")
    stage.run(until=600)
    assert stage.lines == ["150 other firing worse shop/Pod/y", "260 one firing broken shop/Pod/x"]


def test_one_that_is_added_on_reload_waits_with_the_others(tmp_path: Path) -> None:
    """There is no `b` any more from 130 on, but `c`, which goes to the same place."""
    stage, pods = play(tmp_path, TWO % "one")
    stage.answer = lambda request: (
        httpx.Response(429, headers={"Retry-After": "120"}) if stage.now() == 100 else httpx.Response(200)
    )
    stage.reload(130, (TWO % "one").replace("name: b,", "name: c,"))
    pods.phase(100, "x")
    pods.phase(150, "y", "Unknown")
    stage.run(until=600)
    assert sorted(stage.lines) == ["220 one firing broken shop/Pod/x", "220 one firing worse shop/Pod/y"]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("one", ["240 one firing broken shop/Pod/x", "240 one firing worse shop/Pod/y"]),
        ("other", ["120 other firing worse shop/Pod/y", "240 one firing broken shop/Pod/x"]),
    ],
)
def test_what_is_asked_of_one_that_was_replaced_meanwhile_is_of_its_limit(
    tmp_path: Path, place: str, told: list[str]
) -> None:
    """`b` is another from 110 on, before it is answered at 120; what it began is its own until then."""
    stage, pods = play(tmp_path, TWO % "one")
    answers = iter([httpx.Response(429, headers={"Retry-After": "120"})])
    stage.answer = lambda request: next(answers, httpx.Response(200))
    stage.answers_after = 20
    stage.at(115, lambda: setattr(stage, "answers_after", 0))
    stage.reload(110, (TWO % place).replace("name: b,", "name: b, timeout: 29s,"))
    pods.phase(100, "y", "Unknown")
    pods.phase(150, "x")
    stage.run(until=600)
    assert sorted(stage.lines) == told
