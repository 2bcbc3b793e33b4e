"""YAML 1.2 core scalars, and where each thing stands."""

import pytest

from kwatch.config.parse import Node, parse
from kwatch.config.problems import Place, Problems


def _parse(text: str) -> Node:
    problems = Problems()
    node = parse(text, "k.yaml", problems)
    assert node is not None
    assert problems.sorted() == ()
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("1:30", "1:30"),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.10", 1.1),
        (".5", 0.5),
        ("-3", -3),
        ("2026-11-21", "2026-11-21"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("$HOME and ${X}", "$HOME and ${X}"),
    ],
)
def test_p10_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert _parse(f"key: {text}\n").plain() == {"key": value}


def test_a_scalar_keeps_its_text() -> None:
    assert _parse("version: 1.10").mapping["version"].text == "1.10"


def test_places_count_from_one() -> None:
    node = _parse("a:\n  - b: x\n")
    inner = node.mapping["a"].items[0].mapping["b"]
    assert (inner.key_place, inner.place) == (Place("k.yaml", 2, 5), Place("k.yaml", 2, 8))


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_a_file_without_content_sets_nothing(text: str) -> None:
    assert _parse(text).plain() == {}
