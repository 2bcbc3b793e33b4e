"""What the tests of the on-call tools share."""

import pytest

from kwatch.testing.contract import Desk
from tests.notify.channels.lanes import Lane


@pytest.fixture
def lane(desk: Desk) -> Lane:
    """One incident, told message after message; `desk` is that of the tool."""
    return Lane(desk)
