"""Every channel is held to the contract, and docs/contract.md says so."""

import pkgutil
from pathlib import Path

from kwatch.notify import channels
from tests.notify.contract import table

HERE = Path(__file__).parent


def test_every_channel_is_held_to_the_contract() -> None:
    named = {module.name for module in pkgutil.iter_modules(channels.__path__)}
    assert {suite.channel.__name__.rpartition(".")[2] for suite in table.suites()} == named


def test_the_table_is_up_to_date() -> None:
    """After a change, and after a conflict of a merge: `make contract`."""
    assert (HERE.parents[2] / "docs" / "contract.md").read_text() == table.page()


def test_the_table_names_every_behaviour() -> None:
    tested = {name for suite in table.suites() for name in dir(suite) if name.startswith("test_")}
    assert {name for part in table.PARTS for name in table.behaviours(part)} >= tested
