"""Each trap of other tools about sending is a test with its id in its name, fed through the shipped composition."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Rows of the traps of other tools, and of the stack, that are about sending.
TRAPS = (
    *("T03", "T08", "T09", "T10", "T11", "T12", "T19", "T21", "T24", "T27", "T28", "T29", "T31", "T32", "T33"),
    *("T34", "T35", "T43", "T44", "T47", "T50", "T55", "T56", "P11", "P12"),
)
#: Folders whose tests play whole kwatch, or all channels by their contract.
WHOLE = ("tests/scenarios", "tests/faults", "tests/test_canary.py", "tests/test_nonsense.py", "kwatch/testing/contract")
#: What is of a channel alone, whatever brings it a message: that an option of it makes a difference.
OF_CHANNELS = {"T43": "tests/notify/test_options.py"}

_ID = re.compile(r"(?<=_)([TP]\d\d)(?=_)")


def names_of_tests() -> Iterator[tuple[str, str]]:
    """Yield the path and the name of every test."""
    for folder in (ROOT / "tests", ROOT / "kwatch" / "testing" / "contract"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield str(path.relative_to(ROOT)), node.name


NAMED = [(id_, path) for path, name in names_of_tests() for id_ in _ID.findall(name)]


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_a_test_that_plays_it(trap: str) -> None:
    places = (*WHOLE, OF_CHANNELS[trap]) if trap in OF_CHANNELS else WHOLE
    assert [path for id_, path in NAMED if id_ == trap and path.startswith(places)]
