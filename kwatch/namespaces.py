"""Which namespaces are watched: globs, exclusions, and a selector over labels that may change at any time.

A selector that matches no namespace watches none (T16). Cluster-scoped objects are always watched.
"""

from collections.abc import Callable, Mapping

from kwatch.model.conditions import Condition, Text
from kwatch.model.matching import is_word, label_predicate
from kwatch.model.namespaces import Names


class NamespaceFilter:
    """Answer for a name; `labels_of` gives the labels of a namespace as they are now, None when it is not known."""

    def __init__(
        self,
        *,
        include: tuple[str, ...],
        exclude: tuple[str, ...],
        selector: Condition | None,
        labels_of: Callable[[str], Mapping[str, str] | None],
    ) -> None:
        self._is_in = Names(include=include, exclude=exclude).predicate()
        self._is_selected = None if selector is None else label_predicate(selector)
        self._labels_of = labels_of
        self._by_name: dict[str, bool] = {"": True}
        #: The names to watch one by one, where all are plain and nothing else decides; else empty.
        self.names = include if selector is None and all(is_word(Text(glob)) for glob in include) else ()

    def is_watched(self, namespace: str) -> bool:
        """Return whether what is in the namespace is looked at; the empty name is the cluster's own scope."""
        is_named = self.is_named(namespace)
        if not is_named or not namespace or self._is_selected is None:
            return is_named
        labels = self._labels_of(namespace)
        return labels is not None and self._is_selected(labels)

    def is_left_out(self, namespace: str) -> bool:
        """Return whether what is in the namespace is not looked at, and its labels, if they matter, are known."""
        is_known = not self.is_named(namespace) or self._labels_of(namespace) is not None
        return is_known and not self.is_watched(namespace)

    def is_named(self, namespace: str) -> bool:
        """Return whether its name is one of those that are watched, whatever its labels."""
        is_named = self._by_name.get(namespace)
        if is_named is None:
            is_named = self._is_in(namespace)
            self._by_name[namespace] = is_named
        return is_named
