"""Users' templates, tried out on samples before they are needed: a message of each kind, an alert of each rule.

The samples have every label, detail and annotation that an alert of this configuration can have. What fails on all of
them is wrong; what fails on some is told as a warning, as the built-in text stands in for it there.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property

from msgspec.structs import replace

from kwatch.clock import SystemClock
from kwatch.config.parse import Node
from kwatch.config.problems import Problems
from kwatch.config.receivers import Receivers, channel_config, destination_nodes
from kwatch.config.rules import BUILT_IN_LABELS
from kwatch.errors import TemplateError
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.rules import Rule
from kwatch.notify.context import Context, annotation_variables, context_of
from kwatch.notify.render import TemplateEngine
from kwatch.notify.samples import sample

_NOW = datetime(2026, 3, 1, 14, 14, tzinfo=UTC)


class TemplateCheck:
    """Renders the templates of a configuration. `labels` are those that its alerts can have."""

    def __init__(self, rules: Iterable[Rule], labels: Iterable[str], problems: Problems) -> None:
        self._rules = tuple(rules)
        self._labels = tuple(labels)
        self._problems = problems

    @cached_property
    def _engine(self) -> TemplateEngine:  # most configurations have no templates
        return TemplateEngine(SystemClock())

    def annotations(self, rule: Rule, node: Node) -> None:
        """Try the annotations of a user's rule on an alert of it."""
        labels = {*BUILT_IN_LABELS, *self._labels, *rule.labels}
        alert = _alert(rule.name, labels, rule.details)
        for text in _texts(node.mapping.get("annotations")):
            failure = self._failure(text.text, annotation_variables(alert))
            if failure:
                self._problems.add(text.place, f"annotations: {failure}")

    def destinations(self, receivers: Node, read: Receivers) -> None:
        """Try the templates of every destination on a message of each kind."""
        contexts: Mapping[NotificationKind, Context] = {}
        for name, node in destination_nodes(receivers):
            config = next((each for entries in read.values() for each in entries if each.name == name), None)
            keys = () if config is None else channel_config(config.type).template_keys
            for text in [text for key in keys for text in _texts(node.mapping.get(key))]:
                contexts = contexts or self._contexts()
                self._try(text, contexts)

    def _try(self, text: Node, contexts: Mapping[NotificationKind, Context]) -> None:
        failures = {kind.value: self._failure(text.text, context) for kind, context in contexts.items()}
        failed = [kind for kind, failure in failures.items() if failure]
        if len(failed) == len(failures):
            self._problems.add(text.place, f"fails on every message: {failures[failed[0]]}")
        elif failed:
            self._problems.warn(
                text.place,
                f"fails on {', '.join(failed)}, which then have the built-in text: {failures[failed[0]]}",
            )

    def _failure(self, text: str, variables: Context) -> str:
        try:
            self._engine.for_message().render_value(text, variables)
        except TemplateError as error:
            return str(error)
        return ""

    def _contexts(self) -> Mapping[NotificationKind, Context]:
        return {kind: self._context(kind) for kind in NotificationKind}

    def _context(self, kind: NotificationKind) -> Context:
        notification = _sample(kind)
        content = replace(notification.content, alerts=tuple(map(self._filled, notification.content.alerts)))
        content = replace(content, group_labels=_named({*self._labels, *BUILT_IN_LABELS}, content.group_labels))
        return context_of(replace(notification, content=content), "UTC", self._engine.for_message()).context

    def _filled(self, alert: AlertView) -> AlertView:
        details = {name for rule in self._rules for name in rule.details}
        annotations = {name for rule in self._rules for name in rule.annotations}
        labels = {*self._labels, *BUILT_IN_LABELS}
        return replace(
            alert,
            labels=_named(labels, alert.labels),
            details=_named(details, alert.details),
            annotations=_named(annotations, alert.annotations),
        )


def _sample(kind: NotificationKind) -> Notification:
    return sample(kind, destination="sample", receiver="sample", cluster="sample", now=_NOW)


def _alert(rule: str, labels: Iterable[str], details: Iterable[str]) -> AlertView:
    alert = _sample(NotificationKind.FIRING).content.alerts[0]
    return replace(alert, rule=rule, labels=_named(labels, alert.labels), details=_named(details, {}))


def _named(names: Iterable[str], known: Mapping[str, str]) -> Mapping[str, str]:
    """Return a value for each name: the sample's own, or a word."""
    return {**dict.fromkeys(names, "sample"), **known}


def _texts(node: Node | None) -> Iterator[Node]:
    """Yield every text of a tree."""
    if node is None:
        return
    if isinstance(node.value, str):
        yield node
    for child in (*node.mapping.values(), *node.items):
        yield from _texts(child)
