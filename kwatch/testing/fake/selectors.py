"""Label and field selectors, parsed and refused as the API server does. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from kwatch.testing.fake.catalog import Kind
from kwatch.testing.fake.statuses import StatusError, bad_request

Predicate = Callable[[Mapping[str, Any]], bool]

OPERATORS = "in, notin, =, ==, !=, gt, lt"
INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_LEXEMES = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_SYMBOLS = frozenset({"==", "!=", "=", "!", "<", ">", "(", ")", ","})

#: Field labels beside metadata.name and metadata.namespace, by table; the label's path in the stored object.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "pods": {
        label: label
        for label in (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        )
    },
    "nodes": {"spec.unschedulable": "spec.unschedulable"},
    "namespaces": {"status.phase": "status.phase"},
    "secrets": {"type": "type"},
    "services": {"spec.clusterIP": "spec.clusterIP", "spec.type": "spec.type"},
    "replicationcontrollers": {"status.replicas": "status.replicas"},
    "jobs.batch": {"status.successful": "status.succeeded"},
}
EVENT_FIELDS = {"reason": "reason", "type": "type"}
CORE_EVENT_FIELDS = {
    **EVENT_FIELDS,
    **{f"involvedObject.{part}": f"involvedObject.{part}" for part in INVOLVED},
    "reportingComponent": "reportingComponent",
    "source": "source.component",
}
NEW_EVENT_FIELDS = {
    **EVENT_FIELDS,
    **{f"regarding.{part}": f"involvedObject.{part}" for part in INVOLVED},
    "reportingController": "reportingComponent",
}


def selector(kind: Kind, labels: str, fields: str) -> Predicate:
    """Return whether a stored object is selected. Raise StatusError."""
    by_label, by_field = label_selector(labels), field_selector(kind, fields)
    return lambda body: by_label(body) and by_field(body)


def label_selector(text: str) -> Predicate:
    """Parse a label selector (equality and set based). Raise StatusError."""
    words = _LEXEMES.findall(text)
    if not words:
        return lambda body: True
    tests = []
    while True:
        tests.append(_requirement(words))
        if not words:
            return lambda body: all(test(body["metadata"].get("labels") or {}) for test in tests)
        _expect(words, ",")
        if not words:
            raise bad_request("found '', expected: identifier after ','")


def field_selector(kind: Kind, text: str) -> Predicate:
    """Parse a field selector; a label that the kind does not offer is refused. Raise StatusError."""
    known = {"metadata.name": "metadata.name", "metadata.namespace": "metadata.namespace", **_fields(kind)}
    tests = [_field(kind, known, term, text) for term in text.split(",") if term]
    return lambda body: all(test(body) for test in tests)


LabelTest = Callable[[Mapping[str, str]], bool]


def _requirement(words: list[str]) -> LabelTest:
    key = words.pop(0)
    if key == "!":
        absent = words.pop(0) if words else ""
        return lambda labels: absent not in labels
    if key in _SYMBOLS:
        raise bad_request(f"found '{key}', expected: !, identifier, or 'end of string'")
    if not words or words[0] == ",":
        return lambda labels: key in labels
    operator = words.pop(0)
    if operator in ("in", "notin"):
        values, wanted = _values(words), operator == "in"
        return lambda labels: (labels[key] in values) is wanted if key in labels else not wanted
    if operator not in ("=", "==", "!=", ">", "<"):
        raise bad_request(f"unable to parse requirement: found '{operator}', expected: {OPERATORS}")
    return _comparison(key, operator, words.pop(0) if words and words[0] not in _SYMBOLS else "")


def _comparison(key: str, operator: str, value: str) -> LabelTest:
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    if operator in (">", "<"):
        above = operator == ">"
        return lambda labels: labels.get(key, "").isdigit() and _is_beyond(int(labels[key]), int(value), above=above)
    return lambda labels: labels.get(key) == value


def _is_beyond(number: int, limit: int, *, above: bool) -> bool:
    return number > limit if above else number < limit


def _values(words: list[str]) -> frozenset[str]:
    """Read `(a,b)`; an empty pair of brackets holds the empty value."""
    _expect(words, "(")
    values = set()
    while words and words[0] != ")":
        if words[0] == ",":
            words.pop(0)
            continue
        values.add(words.pop(0))
    if not words:
        raise bad_request("unable to parse requirement: found '', expected: ',' or ')'")
    words.pop(0)
    return frozenset(values or {""})


def _expect(words: list[str], symbol: str) -> None:
    found = words.pop(0) if words else ""
    if found != symbol:
        expected = "',' or 'end of string'" if symbol == "," else f"'{symbol}'"
        raise bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")


def _fields(kind: Kind) -> Mapping[str, str]:
    if kind.is_event:
        return NEW_EVENT_FIELDS if kind.group else CORE_EVENT_FIELDS
    return FIELDS.get(kind.storage, {})


def _field(kind: Kind, known: Mapping[str, str], term: str, text: str) -> Predicate:
    parts = re.fullmatch(r"(.*?)(!=|==|=)(.*)", term)
    if parts is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
    label, operator, value = parts.groups()
    if label not in known:
        raise _unknown_field(kind, label)
    path, wanted = tuple(known[label].split(".")), operator != "!="
    return lambda body: (_text_at(body, path) == value) is wanted


def _unknown_field(kind: Kind, label: str) -> StatusError:
    if kind.storage == "jobs.batch":
        return bad_request(f'field label "{label}" not supported for Job')
    if kind.is_event or kind.is_custom or kind.storage in FIELDS:
        return bad_request(f"field label not supported: {label}")
    return bad_request(f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def _text_at(body: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """Return the value as the server compares it: booleans and numbers have a zero, other absent values are empty."""
    found: Any = body
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    match found:
        case None if path == ("spec", "unschedulable"):
            return "false"
        case None if path[0] == "status" and path[-1] in ("succeeded", "replicas"):
            return "0"
        case None:
            return ""
        case bool():
            return str(found).lower()
    return str(found)
