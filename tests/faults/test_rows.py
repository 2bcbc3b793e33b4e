"""Every fault of the specification is a test with its id in its name: `test_F12_…`, `test_f_04_f_05_…`.

Each has a control: a test in which the guard is taken away, or the fault, and what the row asserts does not hold.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = tuple(range(1, 51))
#: The rows of the outbox, each played by a state, a destination or a gate with one guard less.
OUTBOX = "tests/outbox/test_controls.py::CONTROLS"
#: Behaviours of the contract, each refused of a channel that is wrong in it.
CONTRACT = "tests/testing/test_contract.py::OVER_"
IN_ONE = "tests/faults/test_wires.py::"  # the same test, with a client that is careless
#: Where the control of a row is, if it is no test named `test_Fnn_without_…`.
ELSEWHERE = {
    **dict.fromkeys((1, 2, 3, 4, 5, 7, 8, 10, 11, 12, 15, 16, 18, 19, 20, 21, 22, 24, 28, 29, 30, 37, 44), OUTBOX),
    **dict.fromkeys((14, 26, 27, 45, 48), CONTRACT),
    6: "tests/faults/test_storms.py::test_F06_a_saboteur_is_noticed",
    13: f"{IN_ONE}test_F13_a_trickle_is_cut_by_the_total_and_by_nothing_else",
    17: f"{IN_ONE}test_F17_a_date_counts_from_the_servers_own_clock",
    23: f"{IN_ONE}test_F23_a_redirect_to_a_login_page_is_no_success",
    25: "tests/testing/test_contract.py::OVER_SLACK",
    36: f"{IN_ONE}test_F36_an_expired_certificate_suspends_the_destination_though_its_authority_is_trusted",
    38: "tests/outbox/test_controls.py::test_f_38_a_stale_epoch_stores_if_nobody_looks",
    47: "tests/faults/test_blind_spots.py::test_F47_a_workflow_that_works_shows_it",
    50: "tests/scenarios/test_heartbeat.py::test_it_is_pinged_once_a_minute_from_the_first_minute_on",
}

_ID = re.compile(r"(?:^|_)[Ff]_?(\d\d)(?=_)")


def names_in(path: Path) -> Iterator[str]:
    """Yield the names of the functions and of the constants of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


@cache
def names() -> tuple[str, ...]:
    """Return the names of all tests."""
    files = (*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "kwatch" / "testing").rglob("*.py"))
    return tuple(name.removeprefix("test_") for path in files for name in names_in(path) if name.startswith("test_"))


def rows_of(found: Iterable[str]) -> set[int]:
    return {int(row) for name in found for row in _ID.findall(name)}


def test_each_fault_has_a_test() -> None:
    assert sorted(set(ROWS) - rows_of(names())) == []


def test_each_fault_has_a_control() -> None:
    named = rows_of(name for name in names() if "_without_" in name)
    assert sorted(set(ROWS) - named - set(ELSEWHERE)) == []


@pytest.mark.parametrize("row", ELSEWHERE)
def test_a_control_is_where_it_is_said_to_be(row: int) -> None:
    path, _, name = ELSEWHERE[row].partition("::")
    assert any(each.startswith(name) for each in names_in(ROOT / path))


@pytest.mark.parametrize("table", [OUTBOX, CONTRACT])
def test_a_table_of_controls_names_its_rows(table: str) -> None:
    text = (ROOT / table.partition("::")[0]).read_text("utf-8")
    controlled = {int(row) for row in re.findall(r"[fF]_?(\d\d)_", text)}
    assert {row for row, where in ELSEWHERE.items() if where == table} - controlled == set()
