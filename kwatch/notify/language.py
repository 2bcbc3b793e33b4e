"""The language of users' templates: Jinja's, as far as its work can be bounded by construction.

A template is a text with `{{ … }}`, `{% if %}`, `{% for %}` and `{% set %}` over plain values. Nothing interrupts one;
what is not bounded is not in the language:

- what is allowed is a list (`_NODES`, `_FILTERS`, `_TESTS`), checked when a template is compiled: no calls, no macros,
  no includes, no lists built from values;
- attributes are keys of mappings, never attributes of Python objects: no object can be reached;
- every operator, comparison, filter, test, slice, look-up and turn of a loop takes a step before it is done, and one
  more for each 256 characters that it reads or writes; no text is longer than 64 KiB, no list than 1,000 items, and
  nothing is computed later than where it stands (what Jinja generates is a list here).

So a template reads and writes 5 MB at most, whatever it does, and between two looks at the deadline lies one operation
on what is left of these, linear in it or sorting it. Jinja's immutable sandbox is the second wall. What the tested
attacks cost: `benchmarks/render.py`.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from kwatch.clock import Clock
from kwatch.errors import TemplateError

_MAX_SOURCE = 16 * 1024
MAX_SIZE = 64 * 1024  # of a text and of the output, in characters
_MAX_ITEMS = 1000  # of a list
_MAX_STEPS = 20_000
_CHARACTERS = 256  # that are read or written in one step
#: For all templates of one message.
MAX_SECONDS = 0.25
_MAX_BITS = 128
_MAX_NODES = 4000  # of a template: what is longer takes too long to compile
_MAX_TRIMMED = 100  # characters that `trim` looks for: it compares each with each

_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.If,
    nodes.CondExpr,
    nodes.For,
    nodes.Assign,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Keyword,
    nodes.List,
    nodes.Tuple,
)
_PLURALS = {nodes.Call: "calls", nodes.Macro: "macros", nodes.Dict: "mappings", nodes.Pow: "powers"}
# fmt: off
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round",
    "select", "selectattr", "sort", "title", "trim", "truncate", "unique", "upper",
)
_TESTS = (
    "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt", "greaterthan",
    "in", "integer", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence",
    "string", "true", "undefined", "upper", "==", "!=", ">", ">=", "<", "<=",
)
# fmt: on
_LEAF = "value"
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})


@dataclass(slots=True)
class Budget:
    """What is left of one rendering."""

    deadline: float
    steps: int = _MAX_STEPS


budget_of: ContextVar[Budget] = ContextVar("budget")


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        yield child
        yield from _walk(child)


def _check_node(node: nodes.Node) -> None:
    """Raise TemplateError for what is not in the language."""
    if not isinstance(node, _NODES):
        what = _PLURALS.get(type(node), f"tags like `{type(node).__name__.lower()}`")
        raise TemplateError(f"line {node.lineno}: {what} are not in the language of templates")
    name = node.attr if isinstance(node, nodes.Getattr) else node.name if isinstance(node, nodes.Name) else ""
    if name.startswith("_"):
        raise TemplateError(f"line {node.lineno}: names do not begin with an underscore: {name}")
    is_value = isinstance(node, nodes.List) or (isinstance(node, nodes.Tuple) and node.ctx == "load")
    if is_value and not all(isinstance(item, nodes.Const) for item in node.items):  # type: ignore[attr-defined]
        raise TemplateError(f"line {node.lineno}: lists hold constants only")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _sized(value: Any) -> Any:
    """Return the value, or raise TemplateError when it is too large."""
    if isinstance(value, str) and len(value) > MAX_SIZE:
        raise TemplateError("a text of the template is too long")
    if isinstance(value, (list, tuple, Mapping)) and len(value) > _MAX_ITEMS:
        raise TemplateError("a list of the template is too long")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise TemplateError("a number of the template is too large")
    return value


def _characters(value: Any) -> int:
    """Return how much there is to read of a value: its characters, or its items and the characters of these."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (list, tuple)):
        return sum(len(item) if isinstance(item, str) else 1 for item in value)
    return len(value) if isinstance(value, dict) else 0


def scalar(value: Any) -> Any:
    """Return what JSON can hold: null, a boolean, a number or a text."""
    return value if value is None or isinstance(value, (bool, int, float)) else _text(value)


def _text(value: Any) -> str:
    """Return what is written for a value; lists and objects have no text."""
    if isinstance(value, (str, int, float, jinja2.Undefined)):  # StrictUndefined raises
        return str(value)
    if value is None:
        return ""
    raise TemplateError("a list or mapping cannot be written as it is; use join, or name a field")


@jinja2.pass_environment
def _join(environment: jinja2.Environment, value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    parts, size = [], 0
    for item in value:
        parts.append(_text(item if attribute is None else environment.getitem(item, attribute)))
        size += len(parts[-1]) + len(d)
        if size > MAX_SIZE:
            raise TemplateError("a text of the template is too long")
    return str(d).join(parts)


def _replace(value: str, old: str, new: str) -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if not before or len(text) + text.count(before) * (len(after) - len(before)) > MAX_SIZE:
        raise TemplateError("replace: nothing to look for, or too long a text")
    return text.replace(before, after)


def _round(value: float, precision: int = 0) -> float:
    return round(value, max(-15, min(15, precision)))


def _trim(value: str, chars: str | None = None) -> str:
    if chars is not None and len(chars) > _MAX_TRIMMED:
        raise TemplateError(f"trim: more than {_MAX_TRIMMED} characters to look for")
    return _text(value).strip(chars)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """The language of users' templates."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, clock: Clock) -> None:
        # Not optimized: nothing of a template is evaluated while it is compiled, outside the bounds.
        super().__init__(
            undefined=jinja2.StrictUndefined, autoescape=False, optimized=False, finalize=_text, cache_size=0
        )
        self._clock = clock
        self.globals.clear()
        filters = {**self.filters, "join": _join, "replace": _replace, "round": _round, "trim": _trim}
        self.filters = {name: self._bounded(filters[name]) for name in _FILTERS}
        self.tests = {name: self._bounded(self.tests[name]) for name in _TESTS}

    def step(self, *values: Any) -> None:
        """Account for an operation that reads or writes these values."""
        budget = budget_of.get()
        budget.steps -= 1 + sum(map(_characters, values)) // _CHARACTERS
        if budget.steps < 0:
            raise TemplateError("the template takes too many steps")
        if self._clock.monotonic() > budget.deadline:
            raise TemplateError("the templates of the message take too long")

    def weighed(self, value: Any) -> Any:
        """Return a value that is about to be compared or looped over."""
        self.step(value)
        return value

    def turned(self) -> str:
        """Account for a turn of a loop; writes nothing."""
        self.step()
        return ""

    def joined(self, *parts: object) -> str:
        """Evaluate the operator `~`."""
        text: str = _sized("".join(_text(part) for part in parts))
        self.step(text)
        return text

    def sliced(self, value: Any, start: Any, stop: Any, step: Any) -> Any:
        """Evaluate `value[start:stop:step]`."""
        self.step(value)
        return self.getitem(value, slice(start, stop, step))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Evaluate an operator: arithmetic on numbers, and `+` on texts."""
        self.step(left, right)
        is_text = isinstance(left, str) and isinstance(right, str)
        if not (_is_number(left) and _is_number(right)) and not (is_text and operator == "+"):
            raise TemplateError(f"the operator {operator} is for numbers; texts are joined with ~")
        return _sized(super().call_binop(context, operator, left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `obj.attribute`: a key of a mapping, or the state of a loop."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]`: a key of a mapping, or an index or a slice of a text or list."""
        self.step()
        if isinstance(obj, jinja2.Undefined):
            return obj  # whose error names what was looked for first
        is_key = isinstance(obj, Mapping) and isinstance(argument, str)
        is_index = isinstance(obj, (str, list, tuple)) and isinstance(argument, (int, slice))
        if is_key or is_index:
            try:
                return obj[argument]
            except (LookupError, ValueError):
                pass
        return self.undefined(obj=obj, name=argument)

    def _bounded(self, function: Any) -> Callable[..., Any]:  # Jinja types its tests as `function`
        @functools.wraps(function)  # keeps Jinja's marks: which filters want the environment
        def bounded(*arguments: Any, **keywords: Any) -> Any:
            self.step(*arguments, *keywords.values())
            value = function(*arguments, **keywords)
            if isinstance(value, Iterator):
                value = list(itertools.islice(value, _MAX_ITEMS + 1))
            self.step(_sized(value))
            return value

        return bounded

    def leaf_from_string(self, source: str) -> jinja2.Template | None:
        """Compile a text that is one `{{ expression }}`, for `leaf_of`; None for any other text."""
        body = self.parse(source).body
        outputs = body[0].nodes if len(body) == 1 and isinstance(body[0], nodes.Output) else []
        if len(outputs) != 1 or isinstance(outputs[0], nodes.TemplateData):
            return None
        value = nodes.Assign(nodes.Name(_LEAF, "store"), outputs[0], lineno=1)
        tree = nodes.Template([value], lineno=1)
        tree.set_environment(self)
        return self.from_string(tree)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > _MAX_SOURCE:
            raise TemplateError(f"the template is longer than {_MAX_SOURCE} characters")
        tree = super()._parse(source, name, filename)
        for count, node in enumerate(_walk(tree)):
            _check_node(node)
            if count > _MAX_NODES:
                raise TemplateError("the template has too many parts")
        return _Metered().visit(tree)  # type: ignore[no-any-return]  # the visitor is untyped


def leaf_of(template: jinja2.Template, context: Mapping[str, Any]) -> Any:
    """Return the value of a template of `leaf_from_string`."""
    scope = template.new_context(dict(context))
    for _ in template.root_render_func(scope):
        raise AssertionError("unreachable")  # an assignment writes nothing
    return scalar(scope.vars[_LEAF])


def _call(name: str, arguments: list[Any], lineno: int) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), arguments, [], None, None, lineno=lineno)


class _Metered(NodeTransformer):
    """Let what Jinja would do by itself be done by the environment, which counts it."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's protocol
        self.generic_visit(node)
        return _call("joined", list(node.nodes), node.lineno)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _call("weighed", [node.expr], node.lineno)
        for operand in node.ops:
            operand.expr = _call("weighed", [operand.expr], node.lineno)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _call("weighed", [node.iter], node.lineno)
        node.body.insert(0, nodes.Output([_call("turned", [], node.lineno)], lineno=node.lineno))
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        ends = (node.arg.start, node.arg.stop, node.arg.step)
        return _call("sliced", [node.node, *(end or nodes.Const(None) for end in ends)], node.lineno)
