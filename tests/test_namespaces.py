"""Which namespaces are watched. T15, T16."""

from collections.abc import Mapping

import pytest

from kwatch.model.conditions import Condition, LabelIs, Not, Text
from kwatch.namespaces import NamespaceFilter

PAYMENTS = LabelIs("team", (Text("payments"),))


def names(
    *include: str,
    exclude: tuple[str, ...] = (),
    selector: Condition | None = None,
    labels: Mapping[str, Mapping[str, str]] = {},
) -> NamespaceFilter:
    return NamespaceFilter(include=include, exclude=exclude, selector=selector, labels_of=labels.get)


@pytest.mark.parametrize(
    ("chosen", "watched", "left_out"),
    [
        (names("*"), ["shop", "kube-system"], []),
        (names("*", exclude=("kube-*",)), ["shop"], ["kube-system", "kube-public"]),
        (names("team-*", "shop"), ["team-a", "shop"], ["team", "shops"]),
        (names("shop", exclude=("shop",)), [], ["shop"]),
    ],
    ids=["all", "exclude wins", "globs", "excluded by name"],
)
def test_names_decide(chosen: NamespaceFilter, watched: list[str], left_out: list[str]) -> None:
    assert [name for name in watched if not chosen.is_watched(name)] == []
    assert [name for name in left_out if chosen.is_watched(name)] == []


def test_what_is_cluster_scoped_is_always_watched() -> None:
    assert names("shop", exclude=("*",), selector=PAYMENTS).is_watched("")


def test_labels_decide_as_they_are_now() -> None:
    labels = {"shop": {"team": "shop"}, "pay": {"team": "payments"}, "kube-system": {"team": "payments"}}
    chosen = names("*", exclude=("kube-*",), selector=PAYMENTS, labels=labels)
    assert [name for name in labels if chosen.is_watched(name)] == ["pay"]
    labels["shop"] = {"team": "payments"}
    assert chosen.is_watched("shop")


@pytest.mark.parametrize("selector", [PAYMENTS, Not(PAYMENTS)])
def test_T16_a_namespace_whose_labels_are_not_known_is_not_watched(selector: Condition) -> None:
    assert not names("*", selector=selector).is_watched("shop")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (names("shop", "pay"), ("shop", "pay")),
        (names("shop", "pay-*"), ()),
        (names("*"), ()),
        (names("shop", selector=PAYMENTS), ()),
    ],
    ids=["plain", "a glob", "all", "labels decide too"],
)
def test_only_plain_names_are_watched_one_by_one(chosen: NamespaceFilter, expected: tuple[str, ...]) -> None:
    assert chosen.names == expected
