"""Counters that cost nothing to increase, and the log's format.

Counters are plain integers; `kwatch.web` shows them as Prometheus metrics. Whatever may happen often is a counter first.
"""

from collections import Counter

#: A metric's name and its label pairs, sorted by label name.
Series = tuple[str, tuple[tuple[str, str], ...]]


class Counters:
    """Integers that only grow, by name and labels. Labels are closed sets or names from the configuration."""

    def __init__(self) -> None:
        self._values: Counter[Series] = Counter()

    def add(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Increase a counter; `name` as in `docs/metrics.md`, without the `kwatch_` prefix and `_total`."""
        self._values[name, tuple(sorted(labels.items()))] += amount

    def read(self) -> dict[Series, int]:
        """Return a copy of all values."""
        return dict(self._values)
