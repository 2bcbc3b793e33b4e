"""Nodes against the words of the schema: pydantic finds what is wrong, here it is said where and in plain language.

No value of a destination is repeated in a problem: it might be a secret in the wrong place.
"""

from datetime import timedelta
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kwatch.config.parse import Node
from kwatch.config.problems import Problems, did_you_mean, listed
from kwatch.notify.base import Secret, SecretUrl

M = TypeVar("M", bound=BaseModel)

_NO_MAPPING = "must be a mapping, key: value"
_TEXTS = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": _NO_MAPPING,
    "mapping_type": _NO_MAPPING,
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "is not written as it should be, see docs/configuration.md",
    "timezone_aware": "must have a zone: 2026-03-01T18:00:00Z, or +01:00 in place of the Z",
    "datetime_parsing": "must be an instant: 2026-03-01T18:00:00Z",
    "datetime_from_date_parsing": "must be an instant: 2026-03-01T18:00:00Z",
    "datetime_type": "must be an instant: 2026-03-01T18:00:00Z",
    "path_type": "must be a path: put it in quotes",
    "path_not_file": "there is no such file",
}


def check(node: Node, model: type[M], problems: Problems) -> M | None:
    """Return a mapping as its model; None when it is wrong, which is then in `problems`."""
    if not is_mapping(node, problems):
        return None
    before = len(problems)
    for key, value in node.mapping.items():
        if key in keys_of(model):
            _refuse_nothing(key, value, problems)
    try:
        words = model.model_validate(node.plain())
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            if _is_of_branch(node, each["loc"]):
                _report(node, model, each, problems)
        return None
    return words if len(problems) == before else None


def is_mapping(node: Node, problems: Problems, name: str = "") -> bool:
    """Return whether it is a mapping; when it is not, that is a problem of the key `name`."""
    if not isinstance(node.value, dict):
        problems.add(node.place, f"{name}: {_NO_MAPPING}" if name else _NO_MAPPING)
        return False
    return True


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys of a mapping as they are written in the YAML."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _refuse_nothing(key: str, node: Node, problems: Problems) -> None:
    if node.is_scalar and node.value is None:
        problems.add(node.key_place, f"{key!r} has no value: give one, or leave the key out")


def _find(node: Node, loc: tuple[str | int, ...]) -> tuple[Node, str]:
    """Return the deepest node on the way, and its key; what names a branch of a union is passed over."""
    name = ""
    for part in loc:
        child = node.child(part)
        if child is not None:
            node = child
            name = part if isinstance(part, str) else name
    return node, name


def _is_of_branch(node: Node, loc: tuple[str | int, ...]) -> bool:
    """Return whether an error is about what was given where a secret or a text may stand, not about the other one."""
    for part in loc:
        child = node.child(part)
        if child is None:
            is_branch = isinstance(part, str) and (part == "str" or part.startswith("function-"))
            return not is_branch or str(part).endswith(("Secret]", "SecretUrl]")) == isinstance(node.value, dict)
        node = child
    return True


def _report(root: Node, model: type[BaseModel], error: ErrorDetails, problems: Problems) -> None:
    loc, kind = error["loc"], error["type"]
    node, name = _find(root, loc)
    if kind == "extra_forbidden":
        key = str(loc[-1])
        problems.add(node.key_place, f"unknown key {key!r}{_alternatives(key, _model_at(model, loc[:-1]))}")
    elif kind == "missing":
        problems.add(node.place, f"{str(loc[-1])!r} is missing")
    elif node.is_scalar and node.value is None:
        _refuse_nothing(name, node, problems)
    else:
        place = node.key_place if loc[-1:] == ("[key]",) else node.place
        problems.add(place, f"{name}: {_text(error, node)}" if name else _text(error, node))


def _alternatives(key: str, model: type[BaseModel] | None) -> str:
    if model is None:
        return ""
    known = keys_of(model)
    return did_you_mean(key, known) or (f"; there is {listed(known)}" if known else "; it takes none")


def _text(error: ErrorDetails, node: Node) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
            return f"must be one of {', '.join(words)}{did_you_mean(node.text, words)}"
        case "greater_than" if context["gt"] == repr(timedelta(0)):
            return "must be longer than 0s"
        case "string_type":
            return "must be a text: put it in quotes" if node.is_scalar else "must be a text"
        case "model_type" if context["class_name"] in {Secret.__name__, SecretUrl.__name__}:
            return "a secret never stands here itself: write {file: PATH} or {env: NAME}"
        case "model_type":
            return _NO_MAPPING
        case other:
            return _TEXTS.get(other) or error["msg"].removeprefix("Input should ").replace("be ", "must be ", 1)


def _model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Return the model of a mapping inside another one."""
    for part in loc:
        field = next((f for name, f in model.model_fields.items() if part == (f.alias or name)), None)
        if field is not None:
            inner = _model_in(field.annotation)
            if inner is None:
                return None
            model = inner
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg)) is not None), None)
