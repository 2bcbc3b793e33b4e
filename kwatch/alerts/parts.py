"""The parts of the engine, each given those that it asks. Who decides what follows from what is `consequences`."""

from kwatch.alerts.annotated import Annotations
from kwatch.alerts.announcing import Announcer
from kwatch.alerts.answering import Answers
from kwatch.alerts.book import Book
from kwatch.alerts.detours import Detours
from kwatch.alerts.digests import Digests
from kwatch.alerts.directory import Directory
from kwatch.alerts.edges import Edges
from kwatch.alerts.escalation import Escalations
from kwatch.alerts.groups import Groups
from kwatch.alerts.inhibition import Inhibitor
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.limits import Limits
from kwatch.alerts.membership import Membership
from kwatch.alerts.muting import Muting
from kwatch.alerts.notices import Notices
from kwatch.alerts.planned import PlannedChanges
from kwatch.alerts.settings import EngineSettings
from kwatch.alerts.sight import Sight
from kwatch.alerts.silences import Silences
from kwatch.alerts.summaries import Summaries
from kwatch.alerts.teller import Teller
from kwatch.alerts.timers import Timers
from kwatch.alerts.told import Told
from kwatch.alerts.windows import Windows


class Parts:
    """One engine's parts."""

    def __init__(self, settings: EngineSettings, *, cluster: str) -> None:
        self.ledger, self.timers = Ledger(), Timers()
        self.limits = Limits(self.ledger)
        self.sight = Sight(settings.names, self.ledger)
        self._find(settings, cluster)
        self._hold(settings, cluster)
        self._tell(settings, cluster)
        self._answer()

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
            settings.rules, self.register.alerts, self.sight, cluster=cluster, timers=timers, ledger=ledger
        )
        self.muting = Muting(self.inhibitor, self.silences, self.windows, self.annotations, self.planned)

    def _tell(self, settings: EngineSettings, cluster: str) -> None:
        """Wire what tells people."""
        register, muting, timers, ledger = self.register, self.muting, self.timers, self.ledger
        self.announcer = announcer = Announcer(ledger, cluster=cluster, public_url=settings.public_url)
        self.directory = directory = Directory(settings.router, self.annotations, cluster=cluster)
        self.told = told = Told(ledger)
        self.groups = groups = Groups(settings.memory, timers, ledger)
        self.teller = teller = Teller(register, groups, muting, announcer, told)
        self.digests = digests = Digests(
            register, directory, muting, self.sight, told, announcer=announcer, timers=timers, ledger=ledger
        )
        self.membership = Membership(register, directory, groups, teller, digests, muting, ledger)
        self.summaries = Summaries(register, groups, self.membership, teller, muting, announcer)
        self.detours = Detours(
            register, directory, groups, self.membership, self.summaries, announcer=announcer, ledger=ledger
        )
        self.notices = Notices(
            register,
            self.sight,
            directory,
            muting,
            digests,
            announcer=announcer,
            timers=timers,
            ledger=ledger,
        )

    def _answer(self) -> None:
        """Wire what goes on after it was told, or when what held it is over."""
        register, membership, timers, ledger = self.register, self.membership, self.timers, self.ledger
        edges_between = self.muting.edges_between
        self.escalations = Escalations(self.directory, membership.hold_of, edges_between, timers, ledger)
        self.answers = Answers(register, self.groups, membership, self.escalations, ledger)
        self.edges = Edges(
            register.alerts,
            membership,
            self.summaries,
            annotations=self.annotations,
            silences=self.silences,
            windows=self.windows,
            timers=timers,
        )
