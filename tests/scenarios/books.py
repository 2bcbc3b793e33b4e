"""What kwatch has written down, for the machine of `worlds`: only what is committed counts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kwatch.alerts.records import Alert, Group, UntoldNotice
from kwatch.alerts.rows import read_rows
from kwatch.model.alerts import AlertState
from kwatch.model.findings import Truth
from kwatch.model.notifications import DeliveryState
from kwatch.store.state import State
from kwatch.testing.stage import Stage
from tests.scenarios.receivers import Episode


class Books(NamedTuple):
    """The alerts by fingerprint, the groups by key, the destinations that something waits for, and untold notices."""

    alerts: Mapping[str, Alert]
    groups: Mapping[str, Group]
    queues: frozenset[str]
    untold_notices: int

    @property
    def firing(self) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.state is AlertState.FIRING]

    def held_at(self, destination: str) -> set[Episode]:
        """Return the episodes that a destination was told of, and of whose end it was not."""
        groups = [group for group in self.groups.values() if group.destination == destination]
        told = {
            (name, self.alerts[name].episode) for group in groups for name, is_told in group.members.items() if is_told
        }
        return told | {(view.fingerprint, view.episode) for group in groups for view in group.ended}

    @property
    def state(self) -> Any:
        """Return all that may be a reason to tell somebody something."""
        alerts = {
            name: (each.state, each.episode, each.severity, each.is_told, each.is_flapping, each.is_over)
            for name, each in self.alerts.items()
        }
        groups = {
            key: (each.incident, each.members, [view.fingerprint for view in each.ended], each.is_changed)
            for key, each in self.groups.items()
        }
        return alerts, groups, self.untold_notices, {name: each.notice_at for name, each in self.alerts.items()}


def read_books(state: State) -> Books:
    """Return what is committed."""
    snapshot = state.load()
    kept = read_rows(snapshot.rows)
    groups = {group.key: group for group in kept.of(Group)}
    untold = sum(notice.count for notice in kept.of(UntoldNotice))
    return Books({alert.fingerprint: alert for alert in kept.alerts}, groups, frozenset(snapshot.queues), untold)


def waits_for_relapse(alert: Alert, group: Group) -> bool:
    """Whether it only flaps, or was held back there, and is well: it is told when it is wrong again."""
    is_wrong = any(member.truth is Truth.TRUE for member in alert.members.values())
    return alert.is_over or (group.key in alert.held_back_by and not is_wrong)


async def count_deliveries(stage: Stage, state: State, destinations: Iterable[str]) -> tuple[Any, Any]:
    """Return how many rows there are, by destination and state, and how many were counted at that very instant."""
    rows = await state.counts()
    return rows, {
        name: {each: stage.counted("deliveries", destination=name, state=each.value) for each in DeliveryState}
        for name in destinations
    }
