"""Templates: the built-in ones, and those of users, whose language is bounded (`kwatch.notify.language`)."""

import functools
import importlib.resources
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kwatch.clock import Clock, SystemClock
from kwatch.errors import TemplateError
from kwatch.notify.escape import padded
from kwatch.notify.language import MAX_SECONDS, MAX_SIZE, BoundedEnvironment, Budget, budget_of, leaf_of
from kwatch.notify.words import WORDS
from kwatch.redaction import redact_shapes

_COMPILED = 1024  # templates kept; there are as many as the configuration names


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


@contextmanager
def _guarded() -> Iterator[None]:
    """Whatever a user's template can raise becomes a TemplateError."""
    try:
        yield
    except TemplateError:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {error.message}") from None
    except (SyntaxError, MemoryError, RecursionError):  # of Python's compiler
        raise TemplateError("the template is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - Jinja's filters raise what their work on odd values raises
        raise TemplateError(str(error)[:200] or type(error).__name__) from None


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".j2"):
            yield prefix + entry.name, entry.read_text("utf-8")


def check_template(text: str) -> str | None:
    """Return what is wrong with a user's template before it is ever rendered, or None."""
    try:
        with _guarded():
            BoundedEnvironment(SystemClock()).from_string(text)
    except TemplateError as error:
        return str(error)
    return None


class TemplateEngine:
    """The templates: those of users and the built-in ones, each compiled once."""

    def __init__(self, clock: Clock, redact: Callable[[str], str] = redact_shapes) -> None:
        self.clock = clock
        self.redact = redact  # of what templates see
        self._users = BoundedEnvironment(clock)
        self._built_in = _TrustedEnvironment(jinja2.DictLoader(dict(_sources(template_root() / "notify"))))
        self.user = functools.lru_cache(_COMPILED)(self._users.from_string)
        self.leaf = functools.lru_cache(_COMPILED)(self._users.leaf_from_string)
        self.built_in = self._built_in.get_template

    def for_message(self) -> "MessageTemplates":
        """Return what renders the texts of one message."""
        return MessageTemplates(self)


class MessageTemplates:
    """Renders the texts of one message. Those of users share the time of one: what there is none left for fails.

    A message lists many alerts, each with the texts of its rule: each of them within bounds would be too much.
    """

    def __init__(self, engine: TemplateEngine) -> None:
        self.redact = engine.redact
        self._engine = engine
        self._seconds = MAX_SECONDS

    def render(self, text: str, context: Mapping[str, Any]) -> str:
        """Render a user's template; raise TemplateError when it is wrong, fails, or goes over its bounds."""
        with _guarded():
            template = self._engine.user(text)
            with self._metered():
                return _collected(template, context)

    def render_value(self, text: str, context: Mapping[str, Any]) -> Any:
        """Render a leaf of a typed tree: one `{{ expression }}` and nothing else keeps its type."""
        with _guarded():
            leaf = self._engine.leaf(text)
            if leaf is None:
                return self.render(text, context)
            with self._metered():
                return leaf_of(leaf, context)

    def render_built_in(self, name: str, context: Mapping[str, Any]) -> str:
        """Render `templates/notify/<name>`."""
        return self._engine.built_in(name).render({**context, "say": WORDS[context["language"]]})

    @contextmanager
    def _metered(self) -> Iterator[None]:
        """Render inside bounds: the steps of a template, and what is left of the message's time."""
        begun = self._engine.clock.monotonic()
        token = budget_of.set(Budget(begun + self._seconds))
        try:
            yield
        finally:
            budget_of.reset(token)
            self._seconds -= self._engine.clock.monotonic() - begun


def _collected(template: jinja2.Template, context: Mapping[str, Any]) -> str:
    parts, size = [], 0
    for part in template.generate(context):
        size += len(part)
        if size > MAX_SIZE:
            raise TemplateError("the template writes too much")
        parts.append(part)
    return "".join(parts)
