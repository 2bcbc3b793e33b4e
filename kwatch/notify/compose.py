"""From a notification to the texts of a message: the user's template where there is one, else the built-in one."""

from kwatch.errors import TemplateError
from kwatch.model.notifications import Notification
from kwatch.notify.base import ChannelConfig
from kwatch.notify.context import Context, context_of
from kwatch.notify.escape import clean
from kwatch.notify.render import TemplateEngine


class Composition:
    """The texts of one message; `problem` is why a template of the user was not used, or empty.

    The message says so too: who reads it misses what the template would have told.
    """

    def __init__(self, config: ChannelConfig, templates: TemplateEngine, notification: Notification) -> None:
        facts = context_of(notification, config.zone, templates, config.language)
        self.context: Context = facts.context
        self.problem = ""
        self._templates = templates
        self._texts = config.template
        if facts.problem:
            self.flag(facts.problem)

    def has_own(self, field: str) -> bool:
        """Whether the user gave a template for the field."""
        return field in self._texts

    def text(self, field: str, built_in: str = "") -> str:
        """Return the cleaned text of a field; `built_in` names a file below `templates/notify`."""
        if field in self._texts:
            try:
                return clean(self._templates.render(self._texts[field], self.context)).strip()
            except TemplateError as error:
                self.flag(f"template {field}: {error}")
        return self.built_in(built_in or f"default/{field}.j2")

    def flag(self, problem: str) -> None:
        """Say that a template of the user was not used."""
        self.problem = problem
        self.context["notes"] = [*self.context["notes"], f"not as your template has it: {problem}"]

    def built_in(self, name: str) -> str:
        """Return the text of a built-in template."""
        return self._templates.render_built_in(name, self.context).strip()
