"""From a notification to the texts of a message: the user's template where there is one, else the built-in one."""

from kwatch.errors import TemplateError
from kwatch.model.notifications import Notification
from kwatch.notify.base import ChannelConfig
from kwatch.notify.context import Context, context_of
from kwatch.notify.escape import clean
from kwatch.notify.render import MessageTemplates
from kwatch.notify.words import WORDS


class Composition:
    """The texts of one message; `problem` is why a template of the user was not used, or empty.

    The message says so too: who reads it misses what the template would have told.
    """

    def __init__(self, config: ChannelConfig, templates: MessageTemplates, notification: Notification) -> None:
        facts = context_of(notification, config.zone, templates, config.language)
        self.context: Context = facts.context
        self.say = WORDS[config.language.value]  # kwatch's own words, in the language of the destination
        self.problem = ""
        self.templates = templates
        if facts.problem:
            self.flag(facts.problem)
        # All before any text is made: a built-in one says which of them failed, in whatever order they are asked for.
        self._own = {field: self._rendered(field, template) for field, template in config.template.items()}

    def has_own(self, field: str) -> bool:
        """Whether the user gave a template for the field."""
        return field in self._own

    def text(self, field: str, built_in: str = "") -> str:
        """Return the cleaned text of a field; `built_in` names a file below `templates/notify`."""
        own = self._own.get(field)
        return self.built_in(built_in or f"default/{field}.j2") if own is None else own

    def _rendered(self, field: str, template: str) -> str | None:
        """Return the text of the user's template, or None when it fails."""
        try:
            return clean(self.templates.render(template, self.context)).strip()
        except TemplateError as error:
            self.flag(f"template {field}: {error}")
            return None

    def flag(self, problem: str) -> None:
        """Say that a template of the user was not used."""
        self.problem = problem
        self.context["notes"] = [
            *self.context["notes"],
            self.say("not as your template has it: {problem}", problem=problem),
        ]

    def built_in(self, name: str) -> str:
        """Return the text of a built-in template."""
        return self.templates.render_built_in(name, self.context).strip()
