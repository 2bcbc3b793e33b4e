"""Every row of the specification is a play with its id in its name, which says what was told, and when."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

#: Rows of section 2.6 and of section 3 that are played, and traps of other tools and of the source of Events.
ROWS = (
    *(f"S{number:02}" for number in range(1, 121)),
    *(f"S30{letter}" for letter in "abcdef"),
    *(f"C{number}" for number in range(1, 15)),
    *("F01", "F02", "F03", "F04", "F05", "F42", "F43"),
    *("T01", "T02", "T04", "T05", "T06", "T07", "T13", "T14", "T15", "T16", "T17", "T18", "T20", "T22", "T23", "T25"),
    *("T26", "T30", "T36", "T37", "T38", "T39", "T40", "T41", "T42", "T45", "T46", "T48", "T49", "T51", "T52", "T53"),
    *("T54", "T57"),
    *(f"P{number}" for number in range(1, 11)),
    *(f"D{number}" for number in range(1, 7)),
)
#: Rows of configurations that are refused: nothing is told.
REFUSED = ("S76", "S88", "T15", "T20")
#: Rows of sockets, files and memory, played in real time: there is no instant to name.
REAL_TIME = ("T38", "P4", "P5", "P7")
#: How plays read what was told: lines, or notifications with their instants.
TOLD = re.compile(r"\.lines\b|\.at\b|\.play\(|\b(brief|spoken|digests|periods|spring|lines|news|played)\(")
#: A part of it, by an index, a slice or a condition, leaves the rest unseen.
PART = re.compile(r"\b(lines|told)\[| if ")


@pytest.fixture(scope="module")
def plays() -> Mapping[str, list[ast.FunctionDef]]:
    found: dict[str, list[ast.FunctionDef]] = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        for row, play in named(path.read_text("utf-8")):
            found.setdefault(row, []).append(play)
    return found


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_a_play_that_says_what_is_told_and_when(
    row: str, plays: Mapping[str, list[ast.FunctionDef]]
) -> None:
    assert row in plays
    assert row in REFUSED or row in REAL_TIME or any(map(says_what_is_told, plays[row]))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("len(stage.told) == 1", False),
        ("stage.told", False),
        ("stage.lines[-1] == '0 hook'", False),
        ("[line for line in stage.lines if 'a' in line] == []", False),
        ("'0 hook' in stage.lines", False),
        ("stage.lines != []", False),
        ("stage.lines == []", True),
    ],
)
def test_a_play_that_only_looks_at_a_part_of_what_was_told_is_none_of_a_row(said: str, *, expected: bool) -> None:
    found = list(named(f"def test_S01_S30a_a_claim():\n    assert {said}\n"))
    assert [(row, says_what_is_told(play)) for row, play in found] == [("S01", expected), ("S30a", expected)]


def named(text: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the tests that name a row, with it."""
    for function in ast.parse(text).body:
        if isinstance(function, ast.FunctionDef):
            rows = re.match(r"test_((?:[SCFTPD]\d+[a-f]?_)+)", function.name)
            yield from ((row, function) for row in (rows.group(1).strip("_").split("_") if rows is not None else ()))


def says_what_is_told(play: ast.FunctionDef) -> bool:
    """Return whether a test compares all that was told, with its instants."""
    compared = (node.test for node in ast.walk(play) if isinstance(node, ast.Assert))
    return any(isinstance(each, ast.Compare) and is_whole(each) for each in compared)


def is_whole(compared: ast.Compare) -> bool:
    """Return whether something that was told, and not a part of it, is equal to something."""
    left = ast.unparse(compared.left)
    return isinstance(compared.ops[0], ast.Eq) and bool(TOLD.search(left)) and not PART.search(left)
