"""The values of an object that messages show: of a list, those of the elements that the rule is about. Pure.

Where a match binds an element of a list, its details through that list show the elements for which it holds, so that a
container that is well lends its values to no other one. Where nothing is bound they show all.
"""

from collections.abc import Callable, Iterator, Mapping

from kwatch.model.conditions import AllOf, AnyElement, AnyOf, Condition, FieldIs, Path, nodes
from kwatch.model.elements import is_through
from kwatch.model.matching import Scalar, text_of
from kwatch.model.observations import ObjectState
from kwatch.model.rules import Rule
from kwatch.rules.evaluate import ElementFinder, compile_elements
from kwatch.rules.observed import Observed

Details = Mapping[str, str]


def compile_details(rule: Rule) -> Callable[[Observed], Details]:
    """Compile a rule's details into a function that returns their distinct values; one without any is left out."""
    finders = {list_: tuple(map(compile_elements, _elements_of(rule.match, list_))) for list_ in bound_lists(rule)}

    def details(seen: Observed) -> Details:
        if seen.state is None:
            return {}
        found = ((name, _values(seen, seen.state, path, finders)) for name, path in rule.details.items())
        return {name: ", ".join(dict.fromkeys(map(text_of, values))) for name, values in found if values}

    return details


def bound_lists(rule: Rule) -> frozenset[Path]:
    """Return the lists of which the match binds an element, those that lie in another one of them left out."""
    lists = {node.path for node in nodes(rule.match) if isinstance(node, AnyElement)}
    return frozenset(each for each in lists if not any(other != each and is_through(other, each) for other in lists))


def positioned(rule: Rule) -> frozenset[Path]:
    """Return the paths whose positions tell of which elements the details are."""
    asked = [node.path for node in nodes(rule.match) if isinstance(node, FieldIs)]
    return frozenset(
        path for list_ in bound_lists(rule) for path in (*asked, *rule.details.values()) if is_through(list_, path)
    )


def _values(
    seen: Observed, state: ObjectState, path: Path, finders: Mapping[Path, tuple[ElementFinder, ...]]
) -> list[Scalar]:
    values = state.values.get(path, ())
    for list_, of_list in finders.items():
        if is_through(list_, path) and (about := {element for find in of_list for element in find(seen)}):
            depth = list_.count(None)
            placed = zip(values, state.positions_of(path), strict=False)
            return [value for value, at in placed if at[:depth] in about]
    return list(values)


def _elements_of(condition: Condition, list_: Path) -> Iterator[AnyElement]:
    """Yield what is asked of elements of a list, and not denied."""
    match condition:
        case AnyElement(path=path) if path == list_:
            yield condition
        case FieldIs(path=path) if is_through(list_, path):
            yield AnyElement(list_, AllOf((condition,)))
        case AllOf(of=parts) | AnyOf(of=parts):
            for part in parts:
                yield from _elements_of(part, list_)
        case AnyElement(of=inner):
            yield from _elements_of(inner, list_)
        case _:
            pass
