"""How long to wait before a watch is opened again: full jitter under a ceiling that doubles with each failure."""

import random

RETRY_AFTER_LIMIT = 300.0  # seconds; a server that asks for more is asked again all the same


class Pauses:
    """The failures since a watch last stood, and the seconds that follow from them."""

    def __init__(self, rng: random.Random, *, first: float, longest: float) -> None:
        self.failures = 0
        self._rng = rng
        self._first = first
        self._longest = longest

    def stood(self) -> None:
        """A watch was open for long enough to count as a success."""
        self.failures = 0

    def failed(self) -> None:
        """Another one failed, or was ended at once."""
        self.failures += 1

    def seconds(self, asked: float | None) -> float:
        """Return how long to wait; at least what the server asks for."""
        ceiling = min(self._longest, self._first * 2 ** min(self.failures - 1, 16))
        return max(self._rng.uniform(0.0, ceiling), min(asked or 0.0, RETRY_AFTER_LIMIT))
