"""Every row of the specification is a play with its id in its name."""

import re
from pathlib import Path

#: Rows of section 2.6 and of section 3 that are played, and traps of other tools and of the source of Events.
ROWS = (
    *(f"S{number:02}" for number in range(1, 121)),
    *(f"S30{letter}" for letter in "abcdef"),
    "F42",
    "F43",
    *("T01", "T02", "T04", "T13", "T14", "T51", "T54", "T57"),
    *("D1", "D2", "D3"),
)


def test_each_row_has_a_play() -> None:
    played = {
        row
        for path in Path(__file__).parent.glob("test_*.py")
        for test in re.findall(r"^def test_((?:[SFTD]\d+[a-f]?_)+)", path.read_text("utf-8"), re.MULTILINE)
        for row in test.split("_")
    }
    assert [row for row in ROWS if row not in played] == []
