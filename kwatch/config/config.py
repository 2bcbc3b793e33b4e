"""The validated configuration: everything that kwatch was asked to do, and nothing that is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kwatch.alerts.routing import Router
from kwatch.alerts.settings import EngineSettings
from kwatch.config.matching import KnownNames
from kwatch.config.schema import LogLevel
from kwatch.model.conditions import Condition
from kwatch.model.namespaces import Names
from kwatch.model.pace import Paces
from kwatch.model.routes import Destination, DigestPlan, Handling, Policies, Route
from kwatch.model.rules import Inhibition, Rule
from kwatch.model.schedules import CronSchedule
from kwatch.model.self_service import SelfService
from kwatch.model.windows import Window
from kwatch.notify.base import ChannelConfig
from kwatch.notify.heartbeat import HeartbeatWords
from kwatch.telemetry import LogFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the page is served, and how people reach it."""

    host: str
    port: int
    public_url: str  # without a slash at its end; empty: none is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What is logged, and how."""

    level: LogLevel
    format: LogFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespaces:
    """Which namespaces are watched: globs (exclude wins), and a condition on the namespace's own labels."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    selector: Condition | None  # None: any labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is looked at."""

    namespaces: Namespaces
    resources: tuple[str, ...]  # kinds beside those that rules need
    labels: tuple[str, ...]  # labels of objects that become labels of their alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration, defaults filled in."""

    cluster: str | None  # None: as the credentials name it
    state: Path
    web: Web
    log: Log
    watch: Watch
    rules: tuple[Rule, ...]  # of the packs and the user, merged; switched-off ones are left out
    known: KnownNames  # what matchers of alerts can name
    inhibitions: tuple[Inhibition, ...]
    windows: tuple[Window, ...]
    teams: Mapping[str, tuple[str, ...]]  # globs of namespaces
    redact: tuple[str, ...]  # regular expressions of what is never kept or told
    self_service: SelfService | None  # None: annotations do nothing
    route: Route
    receivers: Mapping[str, tuple[ChannelConfig, ...]]
    heartbeat: HeartbeatWords | None  # None: nobody is pinged
    warnings: tuple[str, ...]  # what could be written better, as `file:line:column: text`

    @property
    def paces(self) -> Paces:
        """Return how often each destination is told something, and of each rule."""
        entries = [entry for entries in self.receivers.values() for entry in entries]
        return Paces(
            destinations={entry.name: entry.pace.pace for entry in entries if entry.pace is not None},
            rules={rule.name: rule.pace for rule in self.rules if rule.pace is not None},
        )

    @property
    def engine(self) -> EngineSettings:
        """Return what the engine goes by."""
        return EngineSettings(
            rules={rule.id: rule for rule in self.rules},
            router=Router(self.route, self.destinations),
            inhibitions=self.inhibitions,
            windows=self.windows,
            names=Names(include=self.watch.namespaces.include, exclude=self.watch.namespaces.exclude),
            self_service=self.self_service,
            public_url=self.web.public_url,
        )

    @property
    def policies(self) -> Policies:
        """Return how the outbox deals with each destination."""
        return Policies(self.paces, {entry.name: self._handling(entry) for entry in self.entries})

    def _handling(self, entry: ChannelConfig) -> Handling:
        told = self.receivers.get(entry.fallback or "", ())
        prompt = [each for each in told if each.digest is None]
        return Handling(entry.pages, tuple(each.name for each in prompt or told), entry.limit)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Return what deciding needs to know of each destination."""
        return tuple(
            Destination(
                name=entry.name,
                receiver=receiver,
                type=entry.type,
                severity=entry.severity,
                send_resolved=entry.send_resolved,
                can_edit=entry.can_edit,
                pages=entry.pages,
                lifecycle=frozenset(entry.lifecycle),
                digest=_plan(entry),
            )
            for receiver, entries in self.receivers.items()
            for entry in entries
        )

    @property
    def entries(self) -> tuple[ChannelConfig, ...]:
        """Return every destination as it is configured."""
        return tuple(entry for entries in self.receivers.values() for entry in entries)


def fixed_changes(before: Config, after: Config) -> tuple[str, ...]:
    """Return the keys that are others now, and cannot be while kwatch runs."""
    fixed = {
        "cluster": before.cluster != after.cluster,  # identities hold it
        "state.path": before.state != after.state,
        "web.listen": (before.web.host, before.web.port) != (after.web.host, after.web.port),
    }
    return tuple(key for key, is_other in fixed.items() if is_other)


def _plan(entry: ChannelConfig) -> DigestPlan | None:
    words = entry.digest
    if words is None:
        return None
    return DigestPlan(CronSchedule(words.schedule, words.timezone or entry.timezone), words.send_empty)
