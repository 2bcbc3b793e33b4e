"""The parts of the engine, each given those that it asks. Who decides what follows from what is `consequences`."""

from kwatch.alerts.annotated import Annotations
from kwatch.alerts.announcing import Announcer
from kwatch.alerts.answering import Answers
from kwatch.alerts.book import Book
from kwatch.alerts.digests import Digests
from kwatch.alerts.edges import Edges
from kwatch.alerts.escalation import Escalations
from kwatch.alerts.groups import Groups
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.limits import Limits
from kwatch.alerts.muting import Muting
from kwatch.alerts.notices import Notices
from kwatch.alerts.planned import PlannedChanges
from kwatch.alerts.settings import EngineSettings
from kwatch.alerts.sight import Sight
from kwatch.alerts.silences import Silences
from kwatch.alerts.summaries import Summaries
from kwatch.alerts.timers import Timers
from kwatch.alerts.windows import Windows


class Parts:
    """One engine's parts."""

    def __init__(self, settings: EngineSettings, *, cluster: str) -> None:
        self.ledger, self.timers = Ledger(), Timers()
        self.limits = Limits(self.ledger)
        self.sight = Sight(self.ledger)
        self._find(settings, cluster)
        self._hold(settings, cluster)
        self._tell(settings, cluster)
        self._answer(settings)

    def _find(self, settings: EngineSettings, cluster: str) -> None:
        """Wire what knows what is wrong."""
        timers, ledger = self.timers, self.ledger
        self.annotations = Annotations(settings.self_service, timers, ledger)
        self.book = Book(settings.rules, self.annotations, self.sight, timers, ledger, cluster=cluster)
        self.register, self.episodes, self.listening = self.book.register, self.book.episodes, self.book.listening

    def _hold(self, settings: EngineSettings, cluster: str) -> None:
        """Wire what keeps that from being told."""
        timers, ledger = self.timers, self.ledger
        self.inhibitor = Inhibitor(settings.inhibitions)
        self.silences = Silences(timers, ledger)
        self.windows = Windows(settings.windows)
        self.planned = PlannedChanges(
            settings.rules, self.register.alerts, cluster=cluster, timers=timers, ledger=ledger
        )
        self.muting = Muting(self.inhibitor, self.silences, self.windows, self.annotations, self.planned)

    def _tell(self, settings: EngineSettings, cluster: str) -> None:
        """Wire what tells people."""
        alerts, rules, router = self.register.alerts, settings.rules, settings.router
        timers, ledger = self.timers, self.ledger
        self.announcer = Announcer(ledger, cluster=cluster, public_url=settings.public_url)
        self.digests = Digests(
            alerts, rules, router, self.muting, self.sight, announcer=self.announcer, timers=timers, ledger=ledger
        )
        self.groups = Groups(
            alerts,
            rules,
            router,
            self.muting,
            self.digests,
            annotations=self.annotations,
            announcer=self.announcer,
            memory=settings.memory,
            timers=timers,
            ledger=ledger,
        )
        self.summaries = Summaries(self.groups, self.announcer)
        self.notices = Notices(
            self.register,
            self.sight,
            self.groups,
            self.muting,
            self.digests,
            announcer=self.announcer,
            timers=timers,
            ledger=ledger,
        )

    def _answer(self, settings: EngineSettings) -> None:
        """Wire what goes on after it was told, or when what held it is over."""
        alerts, timers, ledger = self.register.alerts, self.timers, self.ledger
        groups, edges_between = self.groups, self.muting.edges_between
        self.escalations = Escalations(settings.router, groups.hold_of, edges_between, timers, ledger)
        self.answers = Answers(alerts, groups, self.escalations, ledger)
        self.edges = Edges(alerts, groups, self.summaries, silences=self.silences, windows=self.windows, timers=timers)
