"""Waiting for a condition with a deadline: the only waiting that there is on a real cluster."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def until(look: Callable[[], _T], seconds: float, what: str) -> _T:
    """Return the first true value that `look` gives within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}, in vain"
        time.sleep(0.05)
