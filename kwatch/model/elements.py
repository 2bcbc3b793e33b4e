"""Which conditions speak of one and the same element of a list. Pure.

In one mapping of the YAML, paths that go through the same `[*]` speak of one element of that list, which must be there;
so do the paths in the `not` and `any` inside that mapping. An inner list is bound within the element of the outer one.
A `not` or `any` whose mapping does not itself go through a list with `fields` binds its elements for itself.
"""

from collections.abc import Iterator

from kwatch.model.conditions import AllOf, AnyElement, AnyOf, Condition, FieldIs, Not, Path, nodes


def bind_elements(condition: Condition, bound: frozenset[Path] = frozenset()) -> Condition:
    """Return a condition as read, each AllOf one mapping, with its lists bound; those in `bound` are already."""
    match condition:
        case AllOf(of=of):
            return AllOf(_bind_mapping(of, bound))
        case AnyOf(of=of):
            return AnyOf(tuple(bind_elements(each, bound) for each in of))
        case Not(of=inner):
            return Not(bind_elements(inner, bound))
        case _:
            return condition


def paths_through(list_: Path, condition: Condition) -> frozenset[Path]:
    """Return the paths of `fields` in a condition that go through a list; its path ends with None."""
    paths = (node.path for node in nodes(condition) if isinstance(node, FieldIs))
    return frozenset(path for path in paths if is_through(list_, path))


def required_paths(list_: Path, condition: AllOf) -> Iterator[Path]:
    """Yield the paths through a list at which an element must have a value, or it cannot be the one."""
    for part in condition.of:
        match part:
            case FieldIs(path=path) if is_through(list_, path):
                yield path
            case AnyElement(of=inner):
                yield from required_paths(list_, inner)
            case _:
                pass


def is_through(list_: Path, path: Path) -> bool:
    """Tell whether a path leads to the elements of a list or into them."""
    return path[: len(list_)] == list_


def _bind_mapping(parts: tuple[Condition, ...], bound: frozenset[Path]) -> tuple[Condition, ...]:
    lists = {each for part in parts if isinstance(part, FieldIs) for each in _lists_of(part.path)} - bound
    shared = {each for each in lists if sum(bool(paths_through(each, part)) for part in parts) > 1}
    found = [bind_elements(part, bound | shared) for part in parts]
    for list_ in sorted(shared, key=lambda each: (-len(each), repr(each))):  # the inner ones first
        inside = [part for part in found if paths_through(list_, part)]
        found = [part for part in found if part not in inside]
        found.append(AnyElement(list_, AllOf(tuple(inside))))
    return tuple(found)


def _lists_of(path: Path) -> Iterator[Path]:
    """Yield the lists that a path goes through, from the outermost in."""
    for depth, name in enumerate(path, start=1):
        if name is None:
            yield path[:depth]
