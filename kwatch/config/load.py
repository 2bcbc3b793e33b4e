"""Read a configuration: the file, what it includes, the packs; then everything is checked at once.

Here alone the disk is read, but for secret files and certificates (`receivers`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kwatch.config import lint
from kwatch.config.certain import with_certain
from kwatch.config.config import Config, Log, Namespaces, Watch, Web
from kwatch.config.fallbacks import check_fallbacks, named_fallbacks
from kwatch.config.hours import check_hours
from kwatch.config.inhibitions import read_inhibitions
from kwatch.config.merging import Pack, merge
from kwatch.config.names import LABEL_KEY, NAMESPACE, check_kinds, check_names
from kwatch.config.parse import Node, empty, parse
from kwatch.config.problems import Place, Problems, did_you_mean, listed
from kwatch.config.receivers import Receivers, check_secrets, read_receivers, stdout_receiver
from kwatch.config.routes import NONE, RouteReader, named_receivers, names
from kwatch.config.rules import BUILT_IN_LABELS, RuleBook
from kwatch.config.schema import IncludedWords, PackWords, TopWords
from kwatch.config.selectors import parse_selector
from kwatch.config.self_service import chosen_receivers, read_self_service
from kwatch.config.templates import TemplateCheck
from kwatch.config.validate import check
from kwatch.config.windows import check_zones, read_windows
from kwatch.errors import ConfigError
from kwatch.model.conditions import AllOf, Condition
from kwatch.model.routes import Route
from kwatch.model.rules import Rule, Severity
from kwatch.model.windows import Window
from kwatch.notify.heartbeat import HeartbeatWords
from kwatch.rules.teams import TEAM

_MOST = 10 * 1024 * 1024  # bytes of one file; the largest ones seen have some hundred thousand
_MOST_NAMED = 5  # rules, in one warning
_EXCLAMATION = {"include": "put the name into `exclude`", "exclude": "write the name alone"}  # how to do without it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that was read. `is_whole` False: a file is missing or broken, so some names are not known."""

    main: Node
    rules: tuple[Node, ...]
    packs: tuple[Pack, ...]
    is_whole: bool


def load(path: Path | None, *, environ: Mapping[str, str]) -> Config:
    """Return the configuration of a file; without one the defaults: all packs, told on standard output.

    Secrets are looked for in `environ` and on the disk, not kept. Raises ConfigError with every problem.
    """
    problems = Problems()
    main = _read(path, problems) if path is not None else empty("defaults")
    words = (check(main, TopWords, problems) if main is not None else None) or TopWords()
    config = None
    if main is not None:
        config = _build(_sources(path, main, problems), words, environ, problems)
    if config is None or problems:
        raise ConfigError(problems.sorted())
    return config


def pack_names() -> tuple[str, ...]:
    """Return the names of the built-in packs."""
    return tuple(sorted(file.name.removesuffix(".yaml") for file in _packs().iterdir() if file.name.endswith(".yaml")))


def _build(sources: Sources, words: TopWords, environ: Mapping[str, str], problems: Problems) -> Config:
    entries = merge(sources.packs, sources.rules, problems)
    label_names = [node.text for node in _items(sources.main.mapping.get("watch", sources.main), "labels")]
    label_names += [TEAM] if "teams" in sources.main.mapping and TEAM not in label_names else []
    _check_teams(sources.main, problems)
    book = RuleBook(entries, label_names, _watched(sources.main, words, problems), problems)
    known = book.known if sources.is_whole else None
    inhibit = [*(node for pack in sources.packs for node in pack.inhibit), *_items(sources.main, "inhibit")]
    receivers = _receivers(sources.main, environ, problems)
    check_fallbacks(sources.main, receivers, problems)
    rules = book.read()
    check_zones(sources.main, problems)
    _try_templates(sources.main, book, rules, receivers, label_names, problems)
    _warn_of_untold(sources.main, rules, receivers, problems)
    windows = read_windows(sources.main, problems)
    self_service = read_self_service(sources.main, receivers, problems)
    reader = RouteReader(receivers, tuple(sources.main.mapping_of("windows")), known, problems)
    return Config(
        cluster=words.cluster or None,
        state=words.state.path,
        web=_web(words, environ),
        log=Log(level=words.log.level, format=words.log.format),
        watch=_watch(sources.main, words, problems),
        rules=rules,
        known=with_certain(book.known, rules, book.namespaces, self_service),
        inhibitions=read_inhibitions(inhibit, rules, known, problems),
        windows=windows,
        teams=words.teams,
        redact=words.redact,
        self_service=self_service,
        route=_route(sources.main, reader, windows, receivers, problems),
        receivers=receivers,
        heartbeat=_heartbeat(sources.main, environ, problems),
        warnings=problems.warnings(),
    )


# Files


def _sources(path: Path | None, main: Node, problems: Problems) -> Sources:
    before = len(problems)
    included = tuple(node for file in _included(path, main, problems) for node in _rules_of(file, problems))
    packs = tuple(_pack(name, problems) for name in _chosen_packs(main, problems))
    return Sources(
        main=main,
        rules=(*_items(main, "rules"), *included),
        packs=packs,
        is_whole=len(problems) == before,
    )


def _read(path: Path, problems: Problems) -> Node | None:
    start = Place(str(path), 1, 1)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.add(start, f"cannot be read: {reason}")
        return None
    if len(content) > _MOST:
        problems.add(start, f"larger than {_MOST // 1024 // 1024} MB")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(Place(str(path), content.count(b"\n", 0, error.start) + 1, 1), "not UTF-8")
        return None
    return parse(text, str(path), problems)


def _included(path: Path | None, main: Node, problems: Problems) -> Iterator[Path]:
    seen: set[Path] = set()
    for node in _items(main, "include"):
        found = find_included(path, node.text) if path is not None and node.text else []
        if not found:
            problems.add(node.place, f"include: no file matches {node.text!r} beside {path}")
        yield from (file for file in found if file not in seen)
        seen.update(found)


def include_patterns(path: Path) -> tuple[str, ...] | None:
    """Return what a file includes; None when it cannot be read."""
    main = _read(path, Problems())
    return None if main is None else tuple(node.text for node in _items(main, "include") if node.text)


def find_included(main: Path, pattern: str) -> list[Path]:
    """Return the files that match, but for the one that asks."""
    folder, anchor = main.parent, Path(pattern).anchor
    if anchor:
        folder, pattern = Path(anchor), pattern.removeprefix(anchor)
    try:
        return sorted(file for file in folder.glob(pattern) if file.is_file() and not file.samefile(main))
    except (OSError, ValueError, NotImplementedError):  # no possible pattern
        return []


def _rules_of(file: Path, problems: Problems) -> tuple[Node, ...]:
    node = _read(file, problems)
    if node is None:
        return ()
    check(node, IncludedWords, problems)
    return _items(node, "rules")


def _chosen_packs(main: Node, problems: Problems) -> tuple[str, ...]:
    known = pack_names()
    if "packs" not in main.mapping:
        return known
    chosen: list[str] = []
    for node in _items(main, "packs"):
        if node.text in known:
            chosen.append(node.text)
        else:
            hint = did_you_mean(node.text, known) or f"; there is {listed(known)}"
            problems.add(node.place, f"packs: there is no pack {node.text!r}{hint}")
    return tuple(dict.fromkeys(chosen))


def _pack(name: str, problems: Problems) -> Pack:
    file = _packs() / f"{name}.yaml"
    node = parse(file.read_text("utf-8"), f"packs/{name}.yaml", problems) or empty(name)
    check(node, PackWords, problems)
    return Pack(name=name, rules=_items(node, "rules"), inhibit=_items(node, "inhibit"))


def _packs() -> resources.abc.Traversable:
    return resources.files("kwatch.rules") / "packs"


# Parts


def _web(words: TopWords, environ: Mapping[str, str]) -> Web:
    default = "0.0.0.0:8080" if "KUBERNETES_SERVICE_HOST" in environ else "127.0.0.1:8080"
    host, _, port = (words.web.listen or default).rpartition(":")
    return Web(host=host.removeprefix("[").removesuffix("]"), port=int(port), public_url=words.web.public_url)


def _watch(main: Node, words: TopWords, problems: Problems) -> Watch:
    asked = words.watch.namespaces
    _check_watch(main, problems)
    return Watch(
        namespaces=Namespaces(include=asked.include, exclude=asked.exclude, selector=_selector(main, problems)),
        resources=words.watch.resources,
        labels=words.watch.labels,
    )


def _watched(main: Node, words: TopWords, problems: Problems) -> Condition:
    """Return what the watched namespaces have in common; that there are none is told once, not of each rule."""
    chosen = words.watch.namespaces
    if not lint.none_watched(chosen.include, chosen.exclude):
        return lint.watched(chosen.include, chosen.exclude)
    wrong = "leaves out each namespace that `include` names, so nothing in namespaces is watched: exclude fewer"
    problems.add(main.mapping["watch"].mapping["namespaces"].mapping["exclude"].place, f"exclude: {wrong}")
    return AllOf(())


def _check_watch(main: Node, problems: Problems) -> None:
    watch = main.mapping.get("watch", main)
    check_kinds(_items(watch, "resources"), problems)
    for node in _items(watch, "labels"):
        if node.text in BUILT_IN_LABELS:
            problems.add(node.place, f"labels: {node.text!r} is set by kwatch itself, and means another thing there")
    check_names("labels", _items(watch, "labels"), LABEL_KEY, problems)
    for key, mend in _EXCLAMATION.items():
        nodes = _items(watch.mapping["namespaces"], key) if "namespaces" in watch.mapping else ()
        check_names(key, nodes, NAMESPACE, problems)
        for node in nodes:
            if node.text.startswith("!"):
                problems.add(node.place, f"{key}: a leading ! means nothing here: {mend}")


def _check_teams(main: Node, problems: Problems) -> None:
    first: dict[str, str] = {}
    for team, node in main.mapping["teams"].mapping.items() if "teams" in main.mapping else ():
        check_names("teams", node.items, NAMESPACE, problems)
        for each in node.items:
            owner = first.setdefault(each.text, team)
            if owner != team:
                problems.add(each.place, f"teams: {each.text!r} is already of {owner!r}, which would have all of it")


def _selector(main: Node, problems: Problems) -> Condition | None:
    watch = main.mapping.get("watch", main)
    node = watch.mapping.get("namespaces", watch).mapping.get("selector")
    if node is None or not node.text:
        return None
    try:
        return parse_selector(node.text)
    except ValueError as error:
        problems.add(node.place, f"selector: {error}")
        return None


def _receivers(main: Node, environ: Mapping[str, str], problems: Problems) -> Receivers:
    given = main.mapping.get("receivers")
    if given is None or not given.mapping:
        return stdout_receiver()
    return read_receivers(given.mapping, environ, problems)


def _warn_of_untold(main: Node, rules: Iterable[Rule], receivers: Receivers, problems: Problems) -> None:
    """Warn of rules that are less than all that any destination is told; annotations may still raise them."""
    least = min((entry.severity for entries in receivers.values() for entry in entries), default=Severity.INFO)
    untold = sorted(rule.name for rule in rules if rule.severity < least)
    if untold:
        rest = len(untold) - _MOST_NAMED
        named = ", ".join(untold[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
        what = f"no destination is told of less than {least.word}, so nobody is of the rules {named}"
        mend = "lower the `severity` of a destination, or switch these rules off"
        problems.warn(main.mapping["receivers"].key_place, f"{what}: {mend}")


def _try_templates(
    main: Node, book: RuleBook, rules: tuple[Rule, ...], receivers: Receivers, labels: list[str], problems: Problems
) -> None:
    trial = TemplateCheck(rules, (*labels, *(name for rule in rules for name in rule.labels)), problems)
    nodes = book.own
    for rule in rules:
        if rule.name in nodes:
            trial.annotations(rule, nodes[rule.name])
    if "receivers" in main.mapping:
        trial.destinations(main.mapping["receivers"], receivers)


def _heartbeat(main: Node, environ: Mapping[str, str], problems: Problems) -> HeartbeatWords | None:
    node = main.mapping.get("heartbeat")
    if node is None:
        return None
    check_secrets(HeartbeatWords, node, environ, problems)
    return check(node, HeartbeatWords, problems)


def _route(
    main: Node, reader: RouteReader, windows: tuple[Window, ...], receivers: Receivers, problems: Problems
) -> Route:
    given = main.mapping.get("route")
    if given is None:
        return _only_route(main, receivers, problems)
    before = len(problems)
    route = reader.root(given)
    if len(problems) > before:
        return route
    check_hours(given, route, {window.name: window for window in windows}, problems)
    if "receivers" in main.mapping:
        _check_used(main.mapping["receivers"], _named(main, given), problems)
    return route


def _named(main: Node, route: Node) -> tuple[str, ...]:
    return (*named_receivers(route), *chosen_receivers(main), *named_fallbacks(main))


def _check_used(receivers: Node, named: tuple[str, ...], problems: Problems) -> None:
    for receiver, node in receivers.mapping.items():
        if not any(names(each, receiver) for each in named):
            problems.add(
                node.key_place, f"no route leads to the receiver {receiver!r}: name it in `route`, or remove it"
            )


def _only_route(main: Node, receivers: Receivers, problems: Problems) -> Route:
    if len(receivers) > 1:
        place = main.mapping["receivers"].key_place
        problems.add(place, f"several receivers need a `route` that says who is told what: {listed(receivers)}")
    return Route(receiver=next(iter(receivers), NONE))


def _items(node: Node, key: str) -> tuple[Node, ...]:
    return node.mapping[key].items if key in node.mapping else ()
