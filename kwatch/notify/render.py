"""Templates: the built-in ones, and those of users, whose language is bounded (`kwatch.notify.language`)."""

import functools
import importlib.resources
from collections.abc import Callable, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kwatch.clock import Clock, SystemClock
from kwatch.errors import TemplateError
from kwatch.notify.escape import padded
from kwatch.notify.language import MAX_SIZE, BoundedEnvironment, budget_of, leaf_of
from kwatch.notify.words import WORDS
from kwatch.redaction import redact_shapes

#: What Jinja's filters and tests raise for values that are not theirs.
_RAISED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
_COMPILED = 1024  # templates kept; there are as many as the configuration names

_T = TypeVar("_T")


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
        self.filters["padded"] = padded
        del self.filters["safe"]  # no text of a cluster is ever markup


def template_root() -> Traversable:
    """Return the folder of the built-in templates: in the package of a wheel, else beside the package in the source."""
    packaged = importlib.resources.files("kwatch").joinpath("_templates")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "templates"


def _guarded(environment: BoundedEnvironment, work: Callable[[BoundedEnvironment], _T]) -> _T:
    """Do the work inside the bounds; whatever a template can raise becomes a TemplateError."""
    token = budget_of.set(environment.budget())
    try:
        return work(environment)
    except TemplateError:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {error.message}") from None
    except (SyntaxError, MemoryError, RecursionError):  # of Python's compiler
        raise TemplateError("the template is nested too deeply") from None
    except (jinja2.TemplateError, *_RAISED) as error:
        raise TemplateError(str(error)[:200] or type(error).__name__) from None
    finally:
        budget_of.reset(token)


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".j2"):
            yield prefix + entry.name, entry.read_text("utf-8")


def check_template(text: str) -> str | None:
    """Return what is wrong with a user's template before it is ever rendered, or None."""
    try:
        _guarded(BoundedEnvironment(SystemClock()), lambda environment: environment.from_string(text))
    except TemplateError as error:
        return str(error)
    return None


class TemplateEngine:
    """Renders texts of users inside bounds, and the built-in templates."""

    def __init__(self, clock: Clock, redact: Callable[[str], str] = redact_shapes) -> None:
        self.redact = redact  # of what templates see
        self._users = BoundedEnvironment(clock)
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
        return self._built_in.get_template(name).render({**context, "say": WORDS[context["language"]]})

    def _collect(self, template: jinja2.Template, context: Mapping[str, Any]) -> str:
        parts, size = [], 0
        for part in template.generate(context):
            size += len(part)
            if size > MAX_SIZE:
                raise TemplateError("the template writes too much")
            parts.append(part)
        return "".join(parts)

    def _evaluate(self, text: str, context: Mapping[str, Any]) -> Any:
        template = self._compile_leaf(text)
        if template is None:
            return self._collect(self._compile(text), context)
        return leaf_of(template, context)
