"""What follows from a configuration: built aside, and swapped whole when another one is loaded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

from kwatch.alerts.settings import EngineSettings
from kwatch.config.config import Config
from kwatch.model.beat import BEAT
from kwatch.model.rules import Rule
from kwatch.namespaces import NamespaceFilter
from kwatch.notify.base import Channel, ChannelConfig, Tools
from kwatch.notify.credentials import UsedSecrets, secrets_in
from kwatch.notify.heartbeat import Ping
from kwatch.pulse import Pulse
from kwatch.redaction import Redactor
from kwatch.rules.compile import RuleSet
from kwatch.rules.fresh import fresh
from kwatch.rules.teams import TEAM
from kwatch.watch.extract import Projection, projection_of
from kwatch.watch.fleet import Plan
from kwatch.watch.moves import Want

#: Whose annotations speak to kwatch, beside those of what is watched anyway.
ANNOTATED = ("Namespace", "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "CronJob.batch", "Job.batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All of it."""

    config: Config
    rules: RuleSet
    engine: EngineSettings
    namespaces: NamespaceFilter
    channels: Mapping[str, Channel]

    def plan(self, resume: Mapping[str, str] = {}) -> Plan:
        """Return what has to be watched."""
        return Plan(
            wants=_wants(self.config, self.rules),
            namespaces=self.namespaces.names,
            event_kinds=self.rules.event_kinds(),
            resume=resume,
        )


class Builder:
    """Makes the parts. `labels_of` knows the namespaces; None: not that one."""

    def __init__(
        self,
        redactor: Redactor,
        tools: Tools,
        pulse: Pulse,
        labels_of: Callable[[str], Mapping[str, str] | None],
        *,
        cluster: str,
    ) -> None:
        self._redactor = redactor
        self._tools = tools
        self._pulse = pulse
        self._labels_of = labels_of
        self._cluster = cluster
        self.used_secrets = UsedSecrets()

    def build(self, config: Config, before: Parts | None = None) -> Parts:
        """Return what follows from a configuration; what nothing changed in is as it was `before`."""
        secrets = secrets_in((*config.receivers.values(), config.heartbeat))
        self._redactor.heed(config.redact, [secret.read() for secret in secrets])
        chosen = config.watch.namespaces
        return Parts(
            config=config,
            rules=self._rules(config, config.rules),
            engine=replace(
                config.engine, rules={**config.engine.rules, **{rule.id: rule for rule in self._own_rules(config)}}
            ),
            namespaces=NamespaceFilter(
                include=chosen.include,
                exclude=chosen.exclude,
                selector=chosen.selector,
                labels_of=self._labels_of,
            ),
            channels=self._channels(config, before),
        )

    def fresh_rules(self, config: Config, before: Config) -> RuleSet:
        """Return the rules by which what is known has to be judged anew: those that are new, or see other labels."""
        other_labels = frozenset(config.watch.labels) ^ frozenset(before.watch.labels)
        other_labels |= {TEAM} if config.teams != before.teams else set()
        is_same_service = config.self_service == before.self_service
        known = before.rules if is_same_service else ()  # by another one others may be watched
        return self._rules(config, fresh(known, config.rules, other_labels=other_labels))

    def ping(self, config: Config) -> Ping | None:
        """Return what the dead-man's switch is told by; None: there is none."""
        return None if config.heartbeat is None else Ping(config.heartbeat, self._tools)

    def _rules(self, config: Config, rules: Iterable[Rule]) -> RuleSet:
        return RuleSet(
            rules,
            cluster=self._cluster,
            label_names=config.watch.labels,
            teams=config.teams,
            redact=self._redactor.clean,
            own=self._own_rules(config),
        )

    def _own_rules(self, config: Config) -> tuple[Rule, ...]:
        return () if config.heartbeat is None else (self._pulse.rule,)

    def _channels(self, config: Config, before: Parts | None) -> Mapping[str, Channel]:
        """Return a channel per destination: the one that it has where nothing of it is other."""
        known = {} if before is None else {each.name: each for each in before.config.entries}
        channels = {
            each.name: before.channels[each.name]
            if before is not None and known.get(each.name) == each
            else create_channel(each, self._tools_of(each.name))
            for each in config.entries
        }
        return channels if config.heartbeat is None else {**channels, BEAT: self._pulse}

    def _tools_of(self, destination: str) -> Tools:
        return replace(self._tools, read=self.used_secrets.reader(destination, self._tools.read))


def create_channel(config: ChannelConfig, tools: Tools) -> Channel:
    """Make the channel of a destination: `type: slack` is `kwatch/notify/channels/slack.py`."""
    module = import_module(f"kwatch.notify.channels.{config.type}")
    channel: Channel = module.create(config, tools)
    return channel


def _wants(config: Config, rules: RuleSet) -> tuple[Want, ...]:
    """Return the kinds that rules need, those that the configuration names, and those whose words count."""
    wants = [
        Want(token=token, projection=projection_of(need), metadata_only=not need.full)
        for token, need in rules.needs().items()
    ]
    wants += [Want(token=token) for token in config.watch.resources]
    if config.watch.namespaces.selector is not None:
        wants.append(Want(token="Namespace", metadata_only=True))  # noqa: S106 - a kind
    if config.self_service is not None:
        projection = Projection(self_service=True)
        wants += [Want(token=token, metadata_only=True) for token in ANNOTATED]
        wants = [replace(want, projection=want.projection | projection) for want in wants]
    return tuple(wants)
