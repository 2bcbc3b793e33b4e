"""The instants at which silences, windows and mutes begin and end, and what follows from them for who is told."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from kwatch.alerts import annotated
from kwatch.alerts.annotated import Annotations, Place
from kwatch.alerts.membership import Membership
from kwatch.alerts.records import Alert
from kwatch.alerts.silences import KWATCH, Silences, key_of
from kwatch.alerts.summaries import Summaries
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.windows import Windows
from kwatch.alerts.wrong import labels_of_all
from kwatch.model.silences import Silence
from kwatch.model.windows import Window

_AT_ONCE = datetime.min.replace(tzinfo=UTC)
_WINDOW = "window/"
_SILENCE = key_of("")


class Edges:
    """Lets silences and windows take effect, and lets go of what they held. `alerts` is the book's, and read alone."""

    def __init__(
        self,
        alerts: Mapping[str, Alert],
        membership: Membership,
        summaries: Summaries,
        *,
        annotations: Annotations,
        silences: Silences,
        windows: Windows,
        timers: Timers,
    ) -> None:
        self._alerts = alerts
        self._membership = membership
        self._summaries = summaries
        self._annotations = annotations
        self._silences = silences
        self._windows = windows
        self._timers = timers
        self.is_starting = False  # until it is known what ended meanwhile, nothing is let go

    def load(self, silences: Iterable[Silence], now: datetime) -> None:
        """Begin, with the silences that were kept."""
        self.is_starting = True
        self._silences.load(silences, now)
        for name in self._windows.by_name:
            self._await_window(name, now)

    def use(self, windows: Iterable[Window], now: datetime) -> None:
        """Go by other windows."""
        gone = set(self._windows.by_name)
        self._windows.use(windows)
        for name in gone - set(self._windows.by_name):
            self._wake(name, None)
        for name in self._windows.by_name:
            self._await_window(name, now)

    def clock_was_set(self) -> None:
        """Which windows are open may be another: ask at the next moment."""
        for name in self._windows.by_name:
            self._wake(name, _AT_ONCE)

    def started(self, now: datetime) -> None:
        """Every source has been heard, or given up: it is known again what goes on."""
        self.is_starting = False
        self._release(now)

    def _release(self, now: datetime) -> None:
        """Tell what nothing holds any more."""
        if self.is_starting:
            return
        self._summaries.end_collection(now)
        self._membership.release(now, at_once=True)

    def run(self, key: str, now: datetime) -> None:
        """A silence or a window begins or ends now, or a mute ends."""
        if key.startswith(_WINDOW):
            self._await_window(key.removeprefix(_WINDOW), now)
            self._release(now)
        elif key.startswith(annotated.KEY):
            self._annotations.expire(key, now)
            self.granted((annotated.place_of_key(key),), now)
        else:
            self._turn(self._silences.turn(key.removeprefix(_SILENCE), now), now)

    def granted(self, places: Collection[Place], now: datetime) -> None:
        """What annotations ask for is not what it was."""
        for alert in self.about(places):
            if alert.is_told:
                self._membership.outdate(alert, now)
        self._release(now)

    def about(self, places: Collection[Place]) -> list[Alert]:
        """Return the open alerts that are about one of these."""
        wanted = frozenset(places)
        opened = [alert for alert in self._alerts.values() if alert.is_open]
        return [alert for alert in opened if _is_about(alert, wanted)]

    def add_silence(self, silence: Silence, actor: str, now: datetime) -> int:
        """Take a silence; return how many open alerts it matches now."""
        self._silences.add(silence, actor, now)
        if silence.starts_at <= now:
            self._turn(silence, now)
        return len(self._matching(silence))

    def expire_silence(self, silence_id: str, actor: str, now: datetime) -> bool:
        """End a silence; False: there is none of that id."""
        silence = self._silences.get(silence_id)
        if silence is None:
            return False
        self._silences.end(silence_id, actor, now)
        self._turn(silence, now)
        return True

    def ended(self, alert: Alert, now: datetime) -> None:
        """An episode is over: so are the silences that wait for that, where it was the last that they match (S-83)."""
        for silence in self._silences.until_resolved(alert):
            if silence.starts_at <= now and not self._matching(silence):
                self.expire_silence(silence.id, KWATCH, now)

    def _turn(self, silence: Silence, now: datetime) -> None:
        for alert in self._matching(silence):
            if alert.is_told:
                self._membership.outdate(alert, now)
        self._release(now)

    def _matching(self, silence: Silence) -> list[Alert]:
        matches = self._silences.predicate(silence)
        return [alert for alert in self._alerts.values() if alert.is_open and any(map(matches, labels_of_all(alert)))]

    def _await_window(self, name: str, now: datetime) -> None:
        self._wake(name, self._windows.edge_after(name, now))

    def _wake(self, window: str, at: datetime | None) -> None:
        self._timers.set((Phase.EDGE, f"{_WINDOW}{window}"), at)


def _is_about(alert: Alert, places: frozenset[Place]) -> bool:
    return any(not places.isdisjoint(annotated.places_of(labels)) for labels in labels_of_all(alert))
