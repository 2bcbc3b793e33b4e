"""Problems with their places: collected, never raised one by one, so that a user sees every mistake at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problems:
    """What is wrong so far, and beside it what could be better. Each is kept once; warnings are no problems."""

    def __init__(self) -> None:
        self._found: set[tuple[Place, str]] = set()
        self._warned: set[tuple[Place, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: Place, text: str) -> None:
        """Note that something is wrong at a place."""
        self._found.add((place, text))

    def warn(self, place: Place, text: str) -> None:
        """Note that something could be better at a place."""
        self._warned.add((place, text))

    def sorted(self) -> tuple[str, ...]:
        """Return all problems as `file:line:column: text`, by file and line."""
        return _lines(self._found)

    def warnings(self) -> tuple[str, ...]:
        """Return all warnings in the same form."""
        return _lines(self._warned)


def _lines(noted: Iterable[tuple[Place, str]]) -> tuple[str, ...]:
    return tuple(f"{place}: {_printable(text)}" for place, text in sorted(noted))


def _printable(text: str) -> str:
    """Return a text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` for the known word that is closest, or nothing when none is close."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[close[0]]!r}?" if close else ""


def listed(words: Iterable[str]) -> str:
    """Return `a, b, c`, sorted, each once."""
    return ", ".join(sorted(set(words)))
