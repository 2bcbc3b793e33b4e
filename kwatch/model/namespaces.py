"""Namespaces by their names."""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from kwatch.model.conditions import Text
from kwatch.model.matching import any_of


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Globs; what is excluded is not in, whatever includes it."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def predicate(self) -> Callable[[str], bool]:
        """Return what says of a name whether it is in."""
        return _compiled(self)


@lru_cache(maxsize=16)
def _compiled(names: Names) -> Callable[[str], bool]:
    is_included, is_excluded = (any_of(tuple(map(Text, globs))) for globs in (names.include, names.exclude))
    return lambda name: is_included(name) and not is_excluded(name)
