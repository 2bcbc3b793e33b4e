"""What is remembered of alerts that are not open, within bounds: below a threshold, told lately, ended lately.

Each key value that the cluster sends makes one of these, and a cluster can send any number; so beyond `KEPT` the one
that was idle longest is let go. Its count begins anew.
"""

#: Some 2 KB each.
KEPT = 20_000


class Idle:
    """Fingerprints in the order in which something was last heard of them."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, name: str) -> str | None:
        """Something was heard of it now; return the one that is let go of, if there are too many."""
        self._names.pop(name, None)
        self._names[name] = None
        if len(self._names) <= KEPT:
            return None
        oldest = next(iter(self._names))
        del self._names[oldest]
        return oldest

    def discard(self, name: str) -> None:
        """It is open, or forgotten."""
        self._names.pop(name, None)
