"""Names and values that Kubernetes allows: what asks for another matches nothing, and its `not` everything. Pure.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kwatch.config.parse import Node
from kwatch.config.problems import Place, Problems


@dataclass(frozen=True, slots=True)
class Form:
    """How names of one kind are written. A glob may match some where its own signs, but for `*` and `?`, may stand."""

    pattern: str
    most: int  # characters
    what: str
    mend: str

    def takes(self, text: str) -> bool:
        """Return whether a text, or one that the glob matches, may be of this form."""
        return len(text.replace("*", "")) <= self.most and re.fullmatch(self.pattern, text) is not None


def _between(ends: str, inside: str) -> str:
    return f"[{ends}](?:[{ends}{inside}]*[{ends}])?"


_DNS_LABEL = _between("a-z0-9", "-")
_IN_LABEL = "letters, digits, -, _ and . between letters or digits, at most 63"

LABEL_KEY = Form(
    rf"(?:{_DNS_LABEL}(?:\.{_DNS_LABEL})*/)?(?=.{{1,63}}$){_between('A-Za-z0-9', '._-')}",
    253 + 1 + 63,
    "a key",
    f"write {_IN_LABEL}, with a domain in lower case before it or not, as in team or example.com/team",
)
LABEL_VALUE = Form(_between("A-Za-z0-9*?", "._-"), 63, "a value of a label", f"write {_IN_LABEL}")
NAMESPACE = Form(
    _between("a-z0-9*?", "-"), 63, "a namespace", "write lower-case letters, digits and - between them, at most 63"
)
NODE = Form(
    _between("a-z0-9*?", ".-"), 253, "a node", "write lower-case letters, digits, - and . between them, at most 253"
)
_CONTROLLER = Form(
    r"[A-Z*?][A-Za-z0-9*?]*/[^/%]+|[^/%]*[*?][^/%]*",
    63 + 1 + 253,
    "Kind/name",
    'write both, as in "Deployment/web", "Deployment/*" or "*/web"',
)

#: The forms of what words of a match, and labels of alerts of the same name, can be.
FORMS: Mapping[str, Form] = {"namespace": NAMESPACE, "node": NODE, "workload": _CONTROLLER}
#: Of objects alone: an alert's label `owner` would be a user's own.
OBJECT_FORMS: Mapping[str, Form] = {**FORMS, "owner": _CONTROLLER}


def check_names(key: str, nodes: Iterable[Node], form: Form | None, problems: Problems) -> None:
    """Refuse plain texts that nothing can be called; what is empty, or begins with a `!`, is told by the caller."""
    for each in nodes:
        if form is not None and each.is_scalar and each.text.strip() and not each.text.startswith("!"):
            _check(key, each.text, each.place, form, problems)


def check_entries(key: str, node: Node, problems: Problems) -> None:
    """Refuse keys and values that no label has; the keys of annotations are read in either case, their values free."""
    for name, value in node.mapping.items():
        if key == "annotations":
            _check(key, name.lower(), value.key_place, LABEL_KEY, problems)
        else:
            _check(key, name, value.key_place, LABEL_KEY, problems)
            check_names(key, value.items or (value,), LABEL_VALUE, problems)


def _check(key: str, text: str, place: Place, form: Form, problems: Problems) -> None:
    if not form.takes(text):
        problems.add(place, f"{key}: {text!r} can never be {form.what}: {form.mend}")


def check_kinds(nodes: Iterable[Node], problems: Problems) -> None:
    """Refuse plurals and kinds in lower case, as `kubectl` would take them."""
    for each in nodes:
        if each.is_scalar and each.text[:1].islower():
            kind = each.text[:1].upper() + each.text[1:]
            problems.add(each.place, f"kind: {each.text!r} is not a kind, did you mean {kind.removesuffix('s')!r}?")
