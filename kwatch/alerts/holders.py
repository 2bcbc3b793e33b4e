"""Which alerts hold an object as a member; asked of every change of every object, and of every write of an Event."""

from collections.abc import Iterable

from kwatch.alerts.members import has_uid, member_key, plain_key
from kwatch.alerts.records import Alert, Member
from kwatch.model.findings import Bucket
from kwatch.model.objects import ObjectRef


class Holders:
    """An index from objects to the fingerprints of their alerts; an object without any costs one look."""

    def __init__(self) -> None:
        self._by_uid: dict[str, set[str]] = {}
        self._by_name: dict[str, set[str]] = {}  # of members whose uid is not known
        #: The alerts and the keys of the members whose end depends on what a bucket holds.
        self.by_bucket: dict[Bucket, set[tuple[str, str]]] = {}

    def of(self, ref: ObjectRef) -> list[str]:
        """Return the alerts of an object, in the same order in every run."""
        names = self._by_uid.get(ref.uid, set())
        if self._by_name:
            names = names | self._by_name.get(plain_key(ref), set())
        return sorted(names)

    def add(self, alert: Alert, member: Member) -> None:
        """An object became a member."""
        self._index_of(member).setdefault(member_key(member.ref), set()).add(alert.fingerprint)

    def discard(self, alert: Alert, gone: Iterable[Member]) -> None:
        """Objects are members no more."""
        for member in gone:
            index, key = self._index_of(member), member_key(member.ref)
            names = index.get(key, set())
            names.discard(alert.fingerprint)
            if not names:
                index.pop(key, None)
            self.ignore(alert, member)

    def heed(self, alert: Alert, member: Member, bucket: Bucket) -> None:
        """The silence of a member's emitter counts from now on."""
        self.by_bucket.setdefault(bucket, set()).add((alert.fingerprint, member_key(member.ref)))

    def ignore(self, alert: Alert, member: Member) -> None:
        """It counts no more, or what its emissions are changes."""
        for emission in member.emissions.values():
            if emission.bucket is not None:
                heeding = self.by_bucket.get(emission.bucket, set())
                heeding.discard((alert.fingerprint, member_key(member.ref)))
                if not heeding:
                    self.by_bucket.pop(emission.bucket, None)

    def _index_of(self, member: Member) -> dict[str, set[str]]:
        return self._by_uid if has_uid(member.ref) else self._by_name
