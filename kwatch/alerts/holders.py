"""Which alerts hold an object as a member."""

from collections.abc import Iterable

from kwatch.alerts.members import member_key, member_keys
from kwatch.alerts.records import Alert, Member
from kwatch.model.objects import ObjectRef


class Holders:
    """An index from objects to the fingerprints of their alerts; an object without any costs nothing."""

    def __init__(self) -> None:
        self._of: dict[str, set[str]] = {}

    def of(self, ref: ObjectRef) -> list[str]:
        """Return the alerts of an object, in the same order in every run."""
        return sorted({name for key in member_keys(ref) for name in self._of.get(key, ())})

    def add(self, alert: Alert, member: Member) -> None:
        """An object became a member."""
        self._of.setdefault(member_key(member.ref), set()).add(alert.fingerprint)

    def discard(self, alert: Alert, gone: Iterable[Member]) -> None:
        """Objects are members no more."""
        for member in gone:
            key = member_key(member.ref)
            names = self._of.get(key, set())
            names.discard(alert.fingerprint)
            if not names:
                self._of.pop(key, None)
