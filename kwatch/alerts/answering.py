"""What people answer to alerts: that they take care of them, and that they do not any more."""

from datetime import datetime

from kwatch.alerts.acknowledging import acknowledge, withdraw
from kwatch.alerts.announcing import ITSELF
from kwatch.alerts.digests import DIGEST
from kwatch.alerts.escalation import Escalations
from kwatch.alerts.groups import Groups
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.membership import Membership
from kwatch.alerts.records import Alert
from kwatch.alerts.register import Register
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.decisions import AuditEntry

#: Names of alerts in the audit log; the others are counted.
_NAMED = 10


class Answers:
    """Takes acknowledgements and their withdrawal, of an alert or of all that an incident tells of."""

    def __init__(
        self, register: Register, groups: Groups, membership: Membership, escalations: Escalations, ledger: Ledger
    ) -> None:
        self._register = register
        self._groups = groups
        self._membership = membership
        self._escalations = escalations
        self._ledger = ledger

    def acknowledge(self, target: str, by: str, comment: str, now: datetime) -> tuple[AlertView, ...]:
        """Note who takes care of what fires of a target from now on; return that. Who says so again changes nothing."""
        found = self._firing(target)
        news = [alert for alert in found if alert.acked_by != by or comment not in ("", alert.ack_comment)]
        for alert in news:
            acknowledge(alert, by, comment, now)
            self._escalations.stop(alert)
        self._note(news, _entry("acknowledged", target, by, now, _detail(news, comment)))
        return self._views(found, now)

    def withdraw(self, target: str, by: str, now: datetime) -> tuple[AlertView, ...]:
        """Nobody takes care of it any more: return what somebody did."""
        found = [alert for alert in self._firing(target) if alert.is_acked]
        for alert in found:
            self.lapse(alert, now)
        self._note(found, _entry("acknowledgement withdrawn", target, by, now, _detail(found)))
        return self._views(found, now)

    def firing(self, target: str, now: datetime) -> tuple[AlertView, ...]:
        """Return what fires of a target."""
        return self._views(self._firing(target), now)

    def refuse(self, why: str, subject: str, by: str, now: datetime) -> None:
        """Note that somebody wanted something that is not for them, or is no more."""
        self._ledger.audit.append(_entry("click refused", subject, by, now, why))

    def lapse(self, alert: Alert, now: datetime) -> None:
        """Go on as if nobody had acknowledged it."""
        withdraw(alert)
        self._ledger.touch_alert(alert.fingerprint)
        if alert.is_told:
            self._escalations.begin(alert, now)

    def problem(self, target: str) -> str:
        """Return why nothing was done about a target, and what can be."""
        alert = self._register.alerts.get(target)
        if alert is not None and alert.state is not AlertState.FIRING:
            return f"{alert.title} is {alert.state.value}: only what fires can be acknowledged"
        if self._firing(target):
            return "nobody has acknowledged it"
        if target.startswith(f"kw/{DIGEST}/"):
            return "a digest opens no incident: give the fingerprint of one of its alerts"
        if target.startswith(f"kw/{ITSELF}/"):
            return "this incident tells of kwatch itself: there is nothing to acknowledge"
        return (
            "nothing that fires has this fingerprint or incident: "
            "the status page and `kwatch why KIND/NAMESPACE/NAME` say which there are"
        )

    def _firing(self, target: str) -> list[Alert]:
        """Return the firing alert of a fingerprint, or those that an incident has told of."""
        alert = self._register.alerts.get(target)
        told = () if alert is not None else self._groups.told_in(target)
        found = [alert] if alert is not None else [self._register.alerts[name] for name in told]
        return [alert for alert in found if alert.state is AlertState.FIRING]

    def _views(self, found: list[Alert], now: datetime) -> tuple[AlertView, ...]:
        return tuple(self._register.view(alert, now) for alert in found)

    def _note(self, found: list[Alert], entry: AuditEntry) -> None:
        """Note who has answered, and tell whom it was told to."""
        for alert in found:
            self._ledger.touch_alert(alert.fingerprint)
            self._membership.retell(alert, entry.at, is_answer=True)
        if found:
            self._ledger.audit.append(entry)


def _entry(action: str, target: str, by: str, now: datetime, detail: str) -> AuditEntry:
    return AuditEntry(at=now, actor=by, action=action, subject=target, detail=detail)


def _detail(found: list[Alert], comment: str = "") -> str:
    names = ", ".join(alert.title for alert in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return " · ".join(filter(None, (names + more, comment)))
