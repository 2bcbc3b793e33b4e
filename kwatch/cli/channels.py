"""The destinations of a configuration as channels, for the commands that render or send by themselves."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import click

from kwatch.clock import SystemClock
from kwatch.config.load import load
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.notify.base import Channel, Tools
from kwatch.notify.http import system_transport
from kwatch.notify.render import TemplateEngine
from kwatch.notify.samples import sample
from kwatch.parts import create_channel
from kwatch.redaction import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One destination, and the way to it."""

    name: str
    receiver: str
    type: str
    cluster: str
    public_url: str
    channel: Channel

    def sample(self, kind: NotificationKind) -> Notification:
        """Return a sample of what this destination would be told."""
        now = SystemClock().now()
        return sample(
            kind,
            destination=self.name,
            receiver=self.receiver,
            cluster=self.cluster,
            now=now,
            public_url=self.public_url,
        )


def ways(file: Path | None, name: str | None) -> tuple[Way, ...]:
    """Return the way to the destination of that name, or to all; a name that there is none of is a usage error."""
    config = load(file, environ=os.environ)
    cluster = config.cluster or "my-cluster"
    clock = SystemClock()
    redactor = Redactor()
    redactor.heed(config.redact, ())
    tools = Tools(
        clock=clock,
        templates=TemplateEngine(clock, redactor.clean),
        transport=system_transport,
        instance=cluster,
        secret=token_hex(),  # what it sends has no button that a running kwatch takes for its own
        stdout=sys.stdout,
    )
    known = [(receiver, entry) for receiver, entries in config.receivers.items() for entry in entries]
    found = tuple(
        Way(
            name=entry.name,
            receiver=receiver,
            type=entry.type,
            cluster=cluster,
            public_url=config.web.public_url,
            channel=create_channel(entry, tools),
        )
        for receiver, entry in known
        if name in (None, entry.name)
    )
    if not found:
        names = ", ".join(entry.name for _, entry in known)
        raise click.BadParameter(f"there is no destination {name!r}; there is {names}", param_hint="--destination")
    return found
