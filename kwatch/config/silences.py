"""A silence as somebody asks for one, against the words and the names of the configuration. Pure."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from kwatch.config.certain import as_words
from kwatch.config.matching import KnownNames, read_label_match
from kwatch.config.parse import Node, parse
from kwatch.config.problems import Problems
from kwatch.config.schema import Raw, Words
from kwatch.config.validate import check
from kwatch.config.values import SomeText, SomeTime
from kwatch.errors import RefusedError
from kwatch.model.conditions import AllOf, Condition, Text
from kwatch.model.contradictions import impossible
from kwatch.model.extent import Extent, extent
from kwatch.model.identity import silence_id
from kwatch.model.matching import is_word
from kwatch.model.silences import Silence

_FILE = "silence"
_LONGEST = 4000  # characters of a match: it is kept in the audit log too
_SEVERITIES = ("info", "warning", "critical")

_ShortText = Annotated[SomeText, Field(max_length=500)]


class SilenceWords(Words):
    """What is asked for. `match` sees alert labels, as a route's does."""

    match: Raw
    #: How long, from its start.
    for_: Annotated[SomeTime | None, Field(alias="for")] = None
    #: Or the instant of its end, with a zone.
    until: AwareDatetime | None = None
    #: Whether it ends with the last alert that it holds, and with `for` or `until` at the latest.
    until_resolved: Annotated[bool, Field(strict=True)] = False
    #: When it begins, with a zone; absent: now.
    starts_at: AwareDatetime | None = None
    #: Whose it is; absent: who asks.
    owner: _ShortText | None = None
    #: Why.
    comment: Annotated[str, Field(max_length=2000)] = ""


def read_silence(asked: Mapping[str, object], known: KnownNames, *, cluster: str, owner: str, now: datetime) -> Silence:
    """Return the silence; `owner` where it names none. Raise RefusedError with all that is wrong."""
    problems = Problems()
    node = parse(json.dumps(asked, ensure_ascii=False, default=str), _FILE, problems)
    words = check(node, SilenceWords, problems) if node is not None else None
    if node is None or words is None:
        raise RefusedError(_reasons(problems))
    match = read_label_match("match", node.mapping["match"], known, problems)
    if not problems:
        _check_extent(match, node.mapping["match"], known, cluster, problems)
    _check_times(words, node, now, problems)
    flow = _flow(node.mapping["match"].plain()).removeprefix("{").removesuffix("}")
    if len(flow) > _LONGEST:
        problems.add(node.mapping["match"].place, f"match: longer than {_LONGEST} characters: make several silences")
    if problems:
        raise RefusedError(_reasons(problems))
    starts_at = max(words.starts_at or now, now).astimezone(UTC)
    ends_at = words.until.astimezone(UTC) if words.until else starts_at + words.for_ if words.for_ else None
    by = words.owner or owner
    return Silence(
        id=silence_id(flow, by, now),
        match=match,
        asked=flow,
        starts_at=starts_at,
        ends_at=ends_at,
        owner=by,
        comment=" ".join(words.comment.split()),
        created_at=now,
        is_by_length=words.for_ is not None,
        is_until_resolved=words.until_resolved,
    )


def exactly(alerts: Iterable[Mapping[str, str]]) -> Mapping[str, object]:
    """Return the match of alerts with these labels, and of no others; what all have in common is said once."""
    own = [{name: value for name, value in labels.items() if value} for labels in alerts]
    common = dict(set.intersection(*(set(labels.items()) for labels in own)))
    rest = [{name: _literal(labels[name]) for name in labels if name not in common} for labels in own]
    said: dict[str, object] = {name: _literal(common[name]) for name in own[0] if name in common}
    return {**said, "any": rest} if all(rest) else said


def _literal(value: str) -> object:
    """Return what matches a text and nothing else, whatever is in it."""
    is_plain = is_word(Text(value)) and not value.startswith("!") and value == value.strip()
    return value if is_plain else {"regex": re.escape(value)}


def _check_extent(match: Condition, node: Node, known: KnownNames, cluster: str, problems: Problems) -> None:
    always: Mapping[str, Collection[str]] = {"severity": _SEVERITIES, "cluster": (cluster,)}
    words = as_words(match)
    found = {
        Extent.NONE
        if impossible(AllOf((words, known.named.get(rule, AllOf(())))))
        else extent(match, {**always, "rule": (rule,), **known.certain.get(rule, {})})
        for rule in known.rules - known.off
    }
    if found == {Extent.ALL}:
        problems.add(node.place, "match: it would silence everything: name what is to be quiet, as in namespace: shop")
    elif found == {Extent.NONE}:
        why = "one part of it excludes another, or each rule that is switched on; or its namespaces are not watched"
        problems.add(node.place, f"match: no alert can ever match it: {why}")


def _check_times(words: SilenceWords, node: Node, now: datetime, problems: Problems) -> None:
    if words.for_ is not None and words.until is not None:
        problems.add(node.place, "give for or until, not both")
    elif words.for_ is None and words.until is None and not words.until_resolved:
        problems.add(node.place, "say how long: for: 2h, until: an instant with its zone, or until_resolved: true")
    if words.until is not None and words.until <= max(words.starts_at or now, now):
        problems.add(node.place, "until: this is not after its start")


def _reasons(problems: Problems) -> str:
    """Return what is wrong without places: what was sent has no lines."""
    return "; ".join(problem.split(": ", 1)[1] for problem in problems.sorted())


def _flow(value: object) -> str:
    """Write a value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)
