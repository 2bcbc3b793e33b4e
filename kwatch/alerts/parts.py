"""The parts of the engine, each given those that it asks. Who decides what follows from what is `consequences`."""

from kwatch.alerts.annotated import Annotations
from kwatch.alerts.announcing import Announcer
from kwatch.alerts.answering import Answers
from kwatch.alerts.book import Book
from kwatch.alerts.detours import Detours
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
        rules, router = settings.rules, settings.router
        # what was decided, and when to decide again
        self.ledger = ledger = Ledger()
        self.timers = timers = Timers()
        self.limits = Limits(ledger)
        # what is wrong
        self.sight = Sight(ledger)
        self.annotations = Annotations(settings.self_service, timers, ledger)
        self.book = Book(rules, self.annotations, timers, ledger, cluster=cluster)
        alerts = self.book.alerts
        # what holds it back
        self.inhibitor = Inhibitor(settings.inhibitions)
        self.silences = Silences(timers, ledger)
        windows = Windows(settings.windows)
        self.planned = PlannedChanges(rules, alerts, cluster=cluster, timers=timers, ledger=ledger)
        self.muting = muting = Muting(self.inhibitor, self.silences, windows, self.annotations, self.planned)
        # who is told
        self.announcer = announcer = Announcer(ledger, cluster=cluster, public_url=settings.public_url)
        self.digests = Digests(alerts, rules, router, muting, announcer=announcer, timers=timers, ledger=ledger)
        self.groups = groups = Groups(
            alerts,
            rules,
            router,
            muting,
            self.digests,
            annotations=self.annotations,
            announcer=announcer,
            memory=settings.memory,
            timers=timers,
            ledger=ledger,
        )
        self.escalations = Escalations(router, groups.hold_of, muting.edges_between, timers, ledger)
        self.answers = Answers(alerts, groups, self.escalations, ledger)
        self.summaries = Summaries(groups, announcer)
        self.detours = Detours(alerts, router, groups, self.summaries, announcer=announcer, ledger=ledger)
        self.edges = Edges(alerts, groups, self.summaries, silences=self.silences, windows=windows, timers=timers)
        self.notices = Notices(
            self.book, groups, muting, self.planned, self.digests, announcer=announcer, timers=timers, ledger=ledger
        )
