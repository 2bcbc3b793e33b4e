"""Tells people of kwatch itself: each message is a step of the pipeline, and goes through the outbox as any other."""

import logging
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from kwatch import __version__, lifecycle
from kwatch.alerts.troubles import listeners
from kwatch.model.routes import Handling, Moment
from kwatch.model.rules import Severity
from kwatch.outbox.trouble import Report
from kwatch.store.state import Snapshot

if TYPE_CHECKING:
    from kwatch.app import App

log = logging.getLogger(__name__)

#: Seconds for what is told of the stop itself.
GOODBYE_SECONDS = 3.0


class Reporter:
    """Speaks for an `App`; `before` is what the process before it left."""

    def __init__(self, app: "App", before: Snapshot) -> None:
        self._app = app
        self._version, self._left = before.version, before.queues
        self._open = Counter(incident.destination for incident in before.incidents if incident.is_open)

    def tell(self, text: str) -> None:
        """Tell the root receiver of something that somebody should look at."""
        engine = self._app.engine
        self._app.pipeline.submit(lambda now: engine.tell_about_itself(text, Severity.WARNING, now))

    def report(self, report: Report) -> None:
        """Tell others that a destination cannot be told, or can be again; the log where there are none."""
        self._app.pipeline.submit(lambda now: self._report(report, now))

    def _report(self, report: Report, now: datetime) -> None:
        app, about = self._app, report.destination
        fallbacks = app.config.policies.handlings.get(about, Handling()).fallbacks
        chosen = listeners(app.parts.engine.router, about, fallbacks, app.outbox.failing, report.severity)
        app.engine.tell(chosen, report.text, report.severity, now)
        if not chosen and report.severity > Severity.INFO:
            log.error("nobody can be told", extra={"text": report.text})

    def started(self, now: datetime) -> None:
        """Tell of the start those who want to hear it, and say what was left to be told."""
        if self._left:
            log.info("deliveries are left from before", extra={"left": lifecycle.queued(self._left)})
        for name in sorted((self._left.keys() | self._open.keys()) - self._app.parts.channels.keys()):
            queued = self._left[name].queued if name in self._left else 0
            facts = {"destination": name, "open": self._open[name], "queued": queued}
            log.warning("a destination was removed: what it is owed is kept for two days", extra=facts)
        moments = lifecycle.moments_of_start(__version__, self._version)
        text = lifecycle.started(__version__, self._version, self._app.cluster, self._left)
        self._app.engine.tell(lifecycle.wanting(self._app.config.destinations, moments), text, Severity.INFO, now)

    async def stopped(self, seconds: float) -> None:
        """Tell of the stop, as the last that is decided, and wait for a moment until that is told.

        `seconds` are those that a failing store has to take it.
        """
        app = self._app
        wanting = lifecycle.wanting(app.config.destinations, (Moment.STOPPED,))
        app.pipeline.submit(
            lambda now: app.engine.tell(wanting, lifecycle.stopped(__version__, app.cluster, now), Severity.INFO, now)
        )
        await app.pipeline.finish(seconds)
        await app.outbox.settle({each.name for each in wanting}, GOODBYE_SECONDS)

    async def name_left(self) -> None:
        """Say what is left to the next start."""
        log.info("stopped", extra={"left": lifecycle.queued(await self._app.outbox.left()) or "nothing"})
