"""Selectors mean what they mean to kubectl."""

import pytest

from kwatch.model.selectors import parse_selector


@pytest.mark.parametrize(
    ("selector", "web", "other", "absent"),
    [
        ("tier=web", True, False, False),
        ("tier==web", True, False, False),
        ("tier!=web", False, True, True),
        ("tier in (web, api)", True, False, False),
        ("tier notin (web, api)", False, True, True),
        ("tier", True, True, False),
        ("!tier", False, False, True),
        ("tier=", False, False, False),
        ("tier!=", True, True, True),
        ("tier=web,zone=a", True, False, False),
    ],
)
def test_t53_truth_table_is_that_of_kubectl(selector: str, web: bool, other: bool, absent: bool) -> None:
    parsed = parse_selector(selector)

    assert parsed.matches({"tier": "web", "zone": "a"}) is web
    assert parsed.matches({"tier": "db", "zone": "a"}) is other
    assert parsed.matches({"zone": "a"}) is absent


@pytest.mark.parametrize("text", ["", "=web", "tier=we b", "tier in web", "tier in (we b)", "a=b,,c=d", "tier>3"])
def test_t02_what_is_no_selector_is_an_error_and_never_everything(text: str) -> None:
    with pytest.raises(ValueError, match="is not a label selector|no label can have"):
        parse_selector(text)
