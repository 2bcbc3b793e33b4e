"""Which emitters' silence the alerts rest on, and what is heard of these; the arithmetic is in `quiet`."""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime

from kwatch.alerts import quiet
from kwatch.alerts.holders import Holders
from kwatch.alerts.members import find_member
from kwatch.alerts.records import Alert, Member
from kwatch.model.findings import Bucket, Finding, Truth
from kwatch.model.rules import Rule


class Listening:
    """The emissions of all members. Nothing of it needs a row by itself: after a restart silence begins anew."""

    def __init__(self, alerts: Mapping[str, Alert], holders: Holders) -> None:
        self._alerts = alerts
        self._holders = holders
        self.heeded: Container[Bucket] = holders.by_bucket

    def load(self, alert: Alert, member: Member) -> None:
        """Take back a member that was kept; nothing is heard yet."""
        quiet.freeze(member, "")
        self._heed(alert, member)

    def note(self, alert: Alert, finding: Finding) -> bool:
        """Keep what the emitter of an occurrence said; return whether the end may come sooner than was thought."""
        member = find_member(alert, finding.member)
        if member is None or finding.emission is None:
            return False
        self._holders.ignore(alert, member)  # the same emitter may name the object with its uid from now on
        is_sooner = quiet.note(member, finding.emission, finding.rule)
        self._heed(alert, member)
        return is_sooner

    def let_go(self, alert: Alert, gone: Iterable[Member], rule: Rule, now: datetime) -> None:
        """Members are kept no more: of one that was not quiet nobody will know when it is."""
        for member in gone:
            quiet_at = quiet.member_quiet_at(member, rule)
            alert.is_out_of_sight |= member.truth is Truth.TRUE and (quiet_at is None or quiet_at > now)

    def freeze(self, namespace: str) -> None:
        """The watch of a namespace's Events (empty: of all) is out of sync."""
        for alert in self._alerts.values():
            for member in alert.members.values():
                quiet.freeze(member, namespace)

    def thaw(self, namespace: str, *, now: datetime, observable_at: datetime) -> list[Alert]:
        """It is in sync from now on; return the alerts that rest on it."""
        touched = []
        for alert in self._alerts.values():
            rests = [
                quiet.thaw(member, namespace, now=now, observable_at=observable_at) for member in alert.members.values()
            ]
            if any(rests):
                touched.append(alert)
        return touched

    def wrote(self, bucket: Bucket, observable_at: datetime) -> None:
        """A token was spent. Deadlines only move away by it, and are judged anew when they come."""
        for fingerprint, key in self._holders.by_bucket.get(bucket, ()):
            quiet.put_off(self._alerts[fingerprint].members[key], bucket, observable_at)

    def _heed(self, alert: Alert, member: Member) -> None:
        for emission in member.emissions.values():
            if emission.bucket is not None:
                self._holders.heed(alert, member, emission.bucket)
