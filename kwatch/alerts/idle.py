"""What is remembered of alerts that are not open, and of groups that are over, within bounds.

Each key value that the cluster sends makes one of these, and a cluster can send any number; so beyond `KEPT` the one
that was idle longest is let go. An alert's count begins anew then, a group's thread too.
"""

from collections import OrderedDict

#: Some 3 KB each.
KEPT = 20_000


class Idle:
    """Names in the order in which something was last heard of them."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()

    def add(self, name: str) -> str | None:
        """Something was heard of it now; return the one that is let go of, if there are too many."""
        self._names[name] = None
        self._names.move_to_end(name)
        return self._names.popitem(last=False)[0] if len(self._names) > KEPT else None

    def __len__(self) -> int:
        return len(self._names)

    def discard(self, name: str) -> None:
        """It is open, or forgotten."""
        self._names.pop(name, None)
