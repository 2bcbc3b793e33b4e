"""How a patch changes an object: JSON merge patches (RFC 7396), and strategic ones, which know some lists. Pure.

https://git.k8s.io/community/contributors/devel/sig-api-machinery/strategic-merge-patch.md. There are no schemas: a
list is merged by the key that its name has in the built-in kinds, and keeps its order; `$setElementOrder` does nothing.
"""

from collections.abc import Mapping
from typing import Any

#: List → the field by which its elements are told apart. Ports have either of two.
KEYS = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
#: Lists of plain values that are united.
UNITED = frozenset({"finalizers"})
ORDER, RETAIN, REMOVE = "$setElementOrder/", "$retainKeys", "$deleteFromPrimitiveList/"


def merged(before: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(before) if isinstance(before, Mapping) else {}
    for field, value in patch.items():
        if value is None:
            result.pop(field, None)
        else:
            result[field] = merged(result.get(field), value)
    return result


def strategically_merged(before: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a strategic merge patch."""
    result = dict(before) if isinstance(before, Mapping) and patch.get("$patch") != "replace" else {}
    for field, value in patch.items():
        if field.startswith(REMOVE):
            name = field.removeprefix(REMOVE)
            result[name] = [each for each in result.get(name, ()) if each not in value]
        elif field.startswith(ORDER) or field in ("$patch", RETAIN):
            continue
        elif value is None or (isinstance(value, Mapping) and value.get("$patch") == "delete"):
            result.pop(field, None)
        else:
            result[field] = _value(field, result.get(field), value)
    if RETAIN in patch:
        return {field: value for field, value in result.items() if field in patch[RETAIN]}
    return result


def _value(field: str, before: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        return strategically_merged(before, value)
    if not isinstance(value, list) or not isinstance(before, list):
        return value
    if field in UNITED:
        return before + [each for each in value if each not in before]
    key = next((key for key in KEYS.get(field, ()) if all(key in each for each in before)), None)
    return value if key is None else _elements(key, before, value)


def _elements(key: str, before: list[dict[str, Any]], patch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if any(each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if "$patch" not in each]
    result = {each[key]: each for each in before}
    for each in patch:
        if each.get("$patch") == "delete":
            result.pop(each[key], None)
        else:
            result[each[key]] = strategically_merged(result.get(each[key]), each)
    return list(result.values())
