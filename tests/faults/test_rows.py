"""Every fault of the specification is a test with its id in its name: `test_F12_…`, `test_f_04_f_05_…`."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Faults of what kwatch does not speak to yet: the socket of Slack.
NOT_BUILT = {49}
ROWS = tuple(row for row in range(1, 51) if row not in NOT_BUILT)

_TEST = re.compile(r"^ *(?:async )?def test_(\w+)", re.MULTILINE)
_ID = re.compile(r"(?:^|_)f_?(\d\d)(?=_)", re.IGNORECASE)


def test_each_fault_has_a_test() -> None:
    files = (*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "kwatch" / "testing").rglob("*.py"))
    tested = {
        int(row) for path in files for name in _TEST.findall(path.read_text("utf-8")) for row in _ID.findall(name)
    }
    assert [f"F-{row:02}" for row in ROWS if row not in tested] == []
