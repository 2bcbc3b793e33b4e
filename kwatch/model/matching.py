"""Matchers over plain values, and conditions over plain labels.

Matchers are compiled once into predicates. What needs an automaton runs on RE2, whose time is linear in the text: no
pattern of a user can stop the process. This is the only importer of `re2`.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import re2

from kwatch.model.conditions import (
    AllOf,
    AnyElement,
    AnyOf,
    Compare,
    Condition,
    FieldChanged,
    FieldIs,
    LabelIs,
    Matcher,
    Not,
    Regex,
    StatusConditionIs,
    Text,
    Word,
    WordIs,
)

#: A value as it stands in an object.
Scalar = str | int | float | bool

Predicate = Callable[[Scalar], bool]
LabelPredicate = Callable[[Mapping[str, str]], bool]
_TextPredicate = Callable[[str], bool]

_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i))?")
_SCALE = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18} | {
    f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)
}

#: Kinds of Kubernetes that are in no namespace, those that people write rules for.
CLUSTER_SCOPED = frozenset(
    (
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    )
)

#: Kinds of Kubernetes that are always in one, those that people write rules for.
NAMESPACED = frozenset(
    (
        "ConfigMap",
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Endpoints",
        "HorizontalPodAutoscaler",
        "Ingress",
        "Job",
        "PersistentVolumeClaim",
        "Pod",
        "PodDisruptionBudget",
        "ReplicaSet",
        "ReplicationController",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
        "StatefulSet",
    )
)

_WILDCARD = {"*": ".*", "?": "."}


def text_of(value: Scalar) -> str:
    """Return the text that a glob or a regular expression sees; booleans as in YAML and JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def number_of(value: Scalar) -> int | float | None:
    """Return a number or a Kubernetes quantity (`500m`, `2Gi`) as a number; None when it is neither.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    found = _QUANTITY.fullmatch(value)
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    return float(number + (exponent or "")) * _SCALE.get(suffix, 1.0)


def any_of(matchers: Sequence[Matcher]) -> Predicate:
    """Compile matchers into one predicate that holds when one of them does.

    Raises `re2.error` on an invalid regular expression; the configuration has refused those before.
    """
    words = frozenset(m.glob for m in matchers if isinstance(m, Text) and is_word(m))
    texts = [_text_predicate(m) for m in matchers if not isinstance(m, Compare) and not is_word(m)]
    compares = [m for m in matchers if isinstance(m, Compare)]
    if not texts and not compares:
        return lambda value: (value if type(value) is str else text_of(value)) in words

    def holds(value: Scalar) -> bool:
        text = value if type(value) is str else text_of(value)
        if text in words:
            return True
        for matches in texts:
            if matches(text):
                return True
        return bool(compares) and any(_compare(bounds, value) for bounds in compares)

    return holds


def label_predicate(condition: Condition) -> LabelPredicate:
    """Compile a condition over labels alone: routes, silences and inhibitions.

    A label that is absent matches nothing, so its `not` is true; so does anything that only an object has.
    """
    match condition:
        case WordIs(word=word, anyof=anyof):
            return _label(word.value, anyof)
        case LabelIs(key=key, anyof=anyof, annotation=False):
            return _label(key, anyof)
        case AllOf(of=of):
            every = tuple(map(label_predicate, of))
            return lambda labels: all(holds(labels) for holds in every)
        case AnyOf(of=of):
            some = tuple(map(label_predicate, of))
            return lambda labels: any(holds(labels) for holds in some)
        case Not(of=inner):
            negated = label_predicate(inner)
            return lambda labels: not negated(labels)
        case LabelIs() | FieldIs() | StatusConditionIs() | FieldChanged() | AnyElement():
            return lambda _labels: False


def _label(key: str, anyof: Sequence[Matcher]) -> LabelPredicate:
    matches = any_of(anyof)
    return lambda labels: key in labels and matches(labels[key])


def _has_wildcard(glob: str) -> bool:
    return "*" in glob or "?" in glob


def is_word(matcher: Matcher) -> bool:
    """Return whether a matcher names exactly one text."""
    return isinstance(matcher, Text) and not _has_wildcard(matcher.glob)


def may_meet(one: Sequence[Matcher], other: Sequence[Matcher]) -> bool:
    """Return whether some text may be taken by both; only of globs it is known that none is."""
    return any(not (isinstance(a, Text) and isinstance(b, Text)) or _meet(a.glob, b.glob) for a in one for b in other)


def _meet(one: str, other: str) -> bool:
    """Return whether two globs take some text in common: of each two ends of theirs, the shortest first."""
    below = [not other[at:].strip("*") for at in range(len(other) + 1)]
    for begin in reversed(range(len(one))):
        row = [False] * len(other) + [not one[begin:].strip("*")]
        for at in reversed(range(len(other))):
            a, b = one[begin], other[at]
            row[at] = below[at] or row[at + 1] if "*" in (a, b) else (a == b or "?" in (a, b)) and below[at + 1]
        below = row
    return below[0]


def kinds_of(condition: Condition) -> frozenset[str] | None:
    """Return the only kinds (`Pod`, `Certificate.cert-manager.io`) of which it can be true; None: any kind."""
    return words_of(Word.KIND, condition)


def words_of(name: Word, condition: Condition) -> frozenset[str] | None:
    """Return the only values of a word (of `kind`, of `reason`) with which it can be true; None: any value."""
    match condition:
        case WordIs(word=word, anyof=anyof) if word is name and all(map(is_word, anyof)):
            return frozenset(matcher.glob for matcher in anyof if isinstance(matcher, Text))
        case AllOf(of=of):
            known = [words for each in of if (words := words_of(name, each)) is not None]
            return frozenset.intersection(*known) if known else None
        case AnyOf(of=of):
            every = [words_of(name, each) for each in of]
            known = [words for words in every if words is not None]
            return frozenset().union(*known) if len(known) == len(every) else None
        case AnyElement(of=inner):
            return words_of(name, inner)
        case _:
            return None


def _text_predicate(matcher: Text | Regex) -> _TextPredicate:
    if isinstance(matcher, Regex):
        return _full_match(matcher.pattern)
    parts = matcher.glob.split("*")
    if "?" in matcher.glob or len(parts) > 3 or (len(parts) == 3 and (parts[0] or parts[2])):
        return _full_match("(?s:" + "".join(_WILDCARD.get(c) or re2.escape(c) for c in matcher.glob) + ")")
    if len(parts) == 3:
        return _contains(parts[1])
    return _edges(*parts)


def _full_match(pattern: str) -> _TextPredicate:
    # Bytes cost a third: for texts, re2 also counts where each group is in characters.
    matches = re2.compile(pattern.encode()).fullmatch
    return lambda text: matches(text.encode(errors="replace")) is not None


def _contains(part: str) -> _TextPredicate:
    return lambda text: part in text


def _edges(prefix: str, suffix: str) -> _TextPredicate:
    least = len(prefix) + len(suffix)
    if not suffix:
        return lambda text: text.startswith(prefix)
    return lambda text: len(text) >= least and text.startswith(prefix) and text.endswith(suffix)


def _compare(bounds: Compare, value: Scalar) -> bool:
    number = number_of(value)
    return (
        number is not None
        and (bounds.gt is None or number > bounds.gt)
        and (bounds.ge is None or number >= bounds.ge)
        and (bounds.lt is None or number < bounds.lt)
        and (bounds.le is None or number <= bounds.le)
    )


def regex_problem(pattern: str) -> str | None:
    """Return why RE2 refuses a regular expression; None when it takes it."""
    options = re2.Options()
    options.log_errors = False  # it would write to standard error
    try:
        re2.compile(pattern.encode(errors="replace"), options)
    except re2.error as error:
        return error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
    return None
