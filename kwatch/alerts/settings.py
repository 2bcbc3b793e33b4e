"""What a configuration asks of the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from kwatch.alerts.lifecycle import MEMORY
from kwatch.alerts.routing import Router
from kwatch.model.namespaces import Names
from kwatch.model.rules import Inhibition, Rule
from kwatch.model.self_service import SelfService
from kwatch.model.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What is wrong by which rule, who is told, and what holds that back."""

    #: By their ids.
    rules: Mapping[str, Rule]
    router: Router
    inhibitions: tuple[Inhibition, ...] = ()
    windows: tuple[Window, ...] = ()
    #: Where is looked; labels may leave out more.
    names: Names = field(default_factory=Names)
    #: What annotations may do; None: nothing.
    self_service: SelfService | None = None
    #: Of the status page, for links; empty: there are none.
    public_url: str = ""

    @property
    def memory(self) -> timedelta:
        """How long an incident that is over can be gone on with."""
        return max([MEMORY, *(rule.reopen_window for rule in self.rules.values())])
