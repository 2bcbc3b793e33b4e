"""Rules of packs with those of users over them, key by key, not read yet. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kwatch.config.parse import Node, Value
from kwatch.config.problems import Place, Problems, did_you_mean
from kwatch.config.schema import RuleWords
from kwatch.config.validate import check, is_mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack's content."""

    name: str
    rules: tuple[Node, ...]
    inhibit: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A rule as it is to be read: a pack's, a user's, or a user's over a pack's."""

    name: str
    node: Node
    origin: str
    is_built_in: bool = False  # as the pack has it


def merge(packs: Iterable[Pack], user: Iterable[Node], problems: Problems) -> tuple[Entry, ...]:
    """Return all rules: those of the packs, with the user's of the same name over them, then the user's own."""
    built_in = {node.text_of("name"): (pack.name, node) for pack in packs for node in pack.rules}
    own = _by_name(user, problems)
    entries: list[Entry] = []
    for name, (pack, node) in built_in.items():
        over = [Entry(name=name, node=_over(node, each), origin=_origin(each)) for each in own.get(name, ())]
        entries += over or [Entry(name=name, node=node, origin=f"pack {pack}", is_built_in=True)]
    for name, found in own.items():
        if name not in built_in:
            entries += [
                Entry(name=name, node=node, origin=_origin(node)) for node in found if _is_own(node, built_in, problems)
            ]
    return tuple(entries)


def _is_own(node: Node, built_in: Iterable[str], problems: Problems) -> bool:
    """Return whether it is a rule by itself, not one that changes a pack's rule which is not there."""
    if {"on", "match"} & set(node.mapping):
        return True
    hint = did_you_mean(node.text_of("name"), built_in)
    problems.add(
        node.place, f"no pack in use has a rule {node.text_of('name')!r} (one of your own needs on and match){hint}"
    )
    return False


def _by_name(user: Iterable[Node], problems: Problems) -> Mapping[str, list[Node]]:
    """Return the user's rules by name; a second one of a name is wrong, and read all the same for what else is."""
    own: dict[str, list[Node]] = {}
    for node in user:
        if not is_mapping(node, problems):
            continue
        name = node.text_of("name")
        if not name:
            check(node, RuleWords, problems)  # says what is missing
            continue
        first = own.setdefault(name, [])
        if first:
            place = node.place_of("name")
            problems.add(place, f"a second rule {name!r}: it is already at {first[0].place_of('name')}")
        first.append(node)
    return own


def _over(below: Node, above: Node) -> Node:
    """Return a pack's rule with the user's keys over it. Whatever is wrong then is wrong at the user's."""
    return replace(above, value={**_moved(below, above.place).mapping, **above.mapping})


def _moved(node: Node, place: Place) -> Node:
    if isinstance(node.value, Mapping):
        value: Value = {key: _moved(each, place) for key, each in node.value.items()}
    elif isinstance(node.value, tuple):
        value = tuple(_moved(each, place) for each in node.value)
    else:
        value = node.value
    return replace(node, value=value, place=place, key_place=place)


def _origin(node: Node) -> str:
    return f"{node.place.file}:{node.place.line}"
