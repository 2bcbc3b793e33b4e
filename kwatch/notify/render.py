"""Templates: the built-in ones, and those of users inside bounds.

A user's template is a text with `{{ … }}`, `{% if %}`, `{% for %}` and `{% set %}` over plain values. It is bounded by
construction, not by interrupting it:

- the language is a list of what is allowed (`_NODES`, `_FILTERS`), checked when it is compiled: no calls, no macros, no
  includes, no lists built from values, so no value can be larger than what one operator or filter gives;
- attributes are keys of mappings, never attributes of Python objects: no object can be reached;
- every operator, filter and loop turn takes a step, checks the size of its result and looks at the deadline; the
  output is counted as it comes. Between two looks lies one operation on at most 64 KiB.

Jinja's immutable sandbox is the second wall. What the tested attacks cost: `benchmarks/render.py`.
"""

import functools
import importlib.resources
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kwatch.clock import Clock, SystemClock
from kwatch.errors import TemplateError

_MAX_SOURCE = 16 * 1024
_MAX_SIZE = 64 * 1024  # of a text and of the output, in characters
_MAX_ITEMS = 1000  # of a list
_MAX_STEPS = 20_000
_MAX_SECONDS = 0.25
_MAX_BITS = 128
_COMPILED = 1024  # templates kept; there are as many as the configuration names

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
class _Budget:
    """What is left of one rendering."""

    steps: int
    deadline: float


_budget: ContextVar[_Budget] = ContextVar("budget")


_T = TypeVar("_T")


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
    if isinstance(value, str) and len(value) > _MAX_SIZE:
        raise TemplateError("a text of the template is too long")
    if isinstance(value, (list, tuple, Mapping)) and len(value) > _MAX_ITEMS:
        raise TemplateError("a list of the template is too long")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise TemplateError("a number of the template is too large")
    return value


def _scalar(value: Any) -> Any:
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
        if size > _MAX_SIZE:
            raise TemplateError("a text of the template is too long")
    return str(d).join(parts)


def _replace(value: str, old: str, new: str) -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if not before or len(text) + text.count(before) * (len(after) - len(before)) > _MAX_SIZE:
        raise TemplateError("replace: nothing to look for, or too long a text")
    return text.replace(before, after)


def _round(value: float, precision: int = 0) -> float:
    return round(value, max(-15, min(15, precision)))


class _BoundedEnvironment(ImmutableSandboxedEnvironment):
    """The language of users' templates."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, clock: Clock) -> None:
        # Not optimized: nothing of a template is evaluated while it is compiled, outside the bounds.
        super().__init__(
            undefined=jinja2.StrictUndefined, autoescape=False, optimized=False, finalize=_text, cache_size=0
        )
        self._clock = clock
        self.globals.clear()
        self.filters = {name: self._bounded(self.filters[name]) for name in _FILTERS}
        self.filters |= {"join": self._bounded(_join), "replace": self._bounded(_replace)}
        self.filters["round"] = self._bounded(_round)
        self.tests = {name: self.tests[name] for name in _TESTS}

    def budget(self) -> _Budget:
        """Return the bounds of a rendering that begins now."""
        return _Budget(_MAX_STEPS, self._clock.monotonic() + _MAX_SECONDS)

    def step(self) -> str:
        """Account for one operation."""
        budget = _budget.get()
        budget.steps -= 1
        if budget.steps < 0:
            raise TemplateError("the template takes too many steps")
        if self._clock.monotonic() > budget.deadline:
            raise TemplateError("the template takes too long")
        return ""

    def join_parts(self, *parts: object) -> str:
        """Evaluate the operator `~`."""
        self.step()
        text: str = _sized("".join(_text(part) for part in parts))
        return text

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Evaluate an operator: arithmetic on numbers, and `+` on texts."""
        self.step()
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
        is_key = isinstance(obj, Mapping) and isinstance(argument, str)
        is_index = isinstance(obj, (str, list, tuple)) and isinstance(argument, (int, slice))
        if is_key or is_index:
            try:
                return obj[argument]
            except (LookupError, ValueError):
                pass
        return self.undefined(obj=obj, name=argument if isinstance(argument, str) else repr(argument))

    def _bounded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)  # keeps Jinja's marks: which filters want the environment
        def bounded(*arguments: Any, **keywords: Any) -> Any:
            self.step()
            return _sized(function(*arguments, **keywords))

        return bounded

    def leaf_from_string(self, source: str) -> jinja2.Template | None:
        """Compile a text that is one `{{ expression }}` such that its value can be had; None for any other text."""
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
        for node in _walk(tree):
            _check_node(node)
        for loop in list(tree.find_all(nodes.For)):
            call = nodes.Call(nodes.EnvironmentAttribute("step"), [], [], None, None, lineno=loop.lineno)
            loop.body.insert(0, nodes.Output([call], lineno=loop.lineno))
        return _ConcatAsCall().visit(tree)  # type: ignore[no-any-return]  # the visitor is untyped


class _ConcatAsCall(jinja2.visitor.NodeTransformer):
    """Replace `a ~ b` by a call that is bounded."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's protocol
        self.generic_visit(node)
        function = nodes.EnvironmentAttribute("join_parts")
        return nodes.Call(function, list(node.nodes), [], None, None, lineno=node.lineno)


class _TrustedEnvironment(ImmutableSandboxedEnvironment):
    """The language of the built-in templates: theirs is the whole of Jinja, and HTML is escaped by name."""

    def __init__(self, loader: jinja2.BaseLoader) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            loader=loader,
            autoescape=lambda name: name is not None and name.endswith(".html.j2"),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        del self.filters["safe"]  # no text of a cluster is ever markup


def template_root() -> Traversable:
    """Return the folder of the built-in templates: in the package of a wheel, else beside the package in the source."""
    packaged = importlib.resources.files("kwatch").joinpath("_templates")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "templates"


def _guarded(environment: _BoundedEnvironment, work: Callable[[_BoundedEnvironment], _T]) -> _T:
    """Do the work inside the bounds; whatever a template can raise becomes a TemplateError."""
    token = _budget.set(environment.budget())
    try:
        return work(environment)
    except TemplateError:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {error.message}") from None
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise TemplateError(str(error)[:200] or type(error).__name__) from None
    finally:
        _budget.reset(token)


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".j2"):
            yield prefix + entry.name, entry.read_text("utf-8")


def check_template(text: str) -> str | None:
    """Return what is wrong with a user's template before it is ever rendered, or None."""
    try:
        _guarded(_BoundedEnvironment(SystemClock()), lambda environment: environment.from_string(text))
    except TemplateError as error:
        return str(error)
    return None


class TemplateEngine:
    """Renders texts of users inside bounds, and the built-in templates."""

    def __init__(self, clock: Clock) -> None:
        self._users = _BoundedEnvironment(clock)
        self._built_in = _TrustedEnvironment(jinja2.DictLoader(dict(_sources(template_root() / "notify"))))
        self._compile = functools.lru_cache(_COMPILED)(self._users.from_string)
        self._compile_leaf = functools.lru_cache(_COMPILED)(self._users.leaf_from_string)

    def render(self, text: str, context: Mapping[str, Any]) -> str:
        """Render a user's template; raise TemplateError when it is wrong, fails, or goes over its bounds."""
        return _guarded(self._users, lambda _: self._collect(self._compile(text), context))

    def render_value(self, text: str, context: Mapping[str, Any]) -> Any:
        """Render a leaf of a typed tree: one `{{ expression }}` and nothing else keeps its type."""
        return _guarded(self._users, lambda _: self._evaluate(text, context))

    def render_built_in(self, name: str, context: Mapping[str, Any]) -> str:
        """Render `templates/notify/<name>`."""
        return self._built_in.get_template(name).render(context)

    def _collect(self, template: jinja2.Template, context: Mapping[str, Any]) -> str:
        parts, size = [], 0
        for part in template.generate(context):
            size += len(part)
            if size > _MAX_SIZE:
                raise TemplateError("the template writes too much")
            parts.append(part)
        return "".join(parts)

    def _evaluate(self, text: str, context: Mapping[str, Any]) -> Any:
        template = self._compile_leaf(text)
        if template is None:
            return self._collect(self._compile(text), context)
        scope = template.new_context(dict(context))
        for _ in template.root_render_func(scope):
            raise AssertionError("unreachable")  # an assignment writes nothing
        return _scalar(scope.vars[_LEAF])
