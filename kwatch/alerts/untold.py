"""Notices of which it is open whether anybody will be told, and what became of the others.

Each ends in one fate, however many destinations it waits for: it is told with the first message that tells of it
anywhere, and it is not once the last destination was held back from it.
"""

from collections.abc import Collection, Iterable

from kwatch.alerts import ledger as fates
from kwatch.alerts.announcing import Address
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import UntoldNotice, untold_key
from kwatch.alerts.register import Register
from kwatch.model.alerts import AlertView


class UntoldNotices:
    """How many destinations each of them still waits for; one that has its fate is here no more."""

    def __init__(self, register: Register, ledger: Ledger) -> None:
        self._notices: dict[str, UntoldNotice] = {}
        self._register = register
        self._ledger = ledger

    def load(self, notices: Iterable[UntoldNotice]) -> None:
        """Take back what was kept."""
        self._notices |= {notice.key: notice for notice in notices}

    def row(self, key: str) -> UntoldNotice | None:
        """Return what must survive a restart, by the key of its row."""
        return self._notices.get(key)

    def add(self, view: AlertView, destinations: int) -> None:
        """A notice waits for so many destinations from now on; two of one fingerprint and instant share a fate."""
        fresh = UntoldNotice(fingerprint=view.fingerprint, starts_at=view.starts_at)
        self._notices.setdefault(fresh.key, fresh).count += 1
        self.spread(view, destinations)

    def spread(self, view: AlertView, destinations: int) -> None:
        """It waits for so many more."""
        key = untold_key(view)
        if key in self._notices:
            self._notices[key].destinations += destinations
            self._ledger.touch_group(key)

    def told(self, view: AlertView) -> None:
        """A message, or a digest to come, tells of it."""
        if (notice := self._notices.pop(untold_key(view), None)) is not None:
            self._ledger.touch_group(notice.key)
            self.end(view.fingerprint, fates.LED_TO_NOTIFICATION, notice.count)

    def told_in(self, address: Address, view: AlertView) -> None:
        """Remember with the newest notice of a fingerprint in which incident a destination was told of it."""
        if (alert := self._register.alerts.get(view.fingerprint)) is not None:
            alert.told_in[address.destination] = address.incident
            self._ledger.touch_alert(view.fingerprint)

    def told_at(self, view: AlertView) -> Collection[str]:
        """Return the destinations that were told of a notice."""
        alert = self._register.alerts.get(view.fingerprint)
        return () if alert is None or untold_key(view) in self._notices else alert.told_in

    def hold_back(self, view: AlertView, fate: str) -> None:
        """One destination is not told of it: that is its fate if it was the last."""
        self.spread(view, -1)
        notice = self._notices.get(untold_key(view))
        if notice is not None and notice.destinations <= 0:
            del self._notices[notice.key]
            self.end(view.fingerprint, fate, notice.count)

    def end(self, fingerprint: str, fate: str, count: int = 1) -> None:
        """Some notices have their fate; what became of the newest of a fingerprint is remembered with it."""
        self._ledger.count(fate, count)
        alert = self._register.alerts.get(fingerprint)
        if alert is not None:
            alert.is_told = fate == fates.LED_TO_NOTIFICATION
            alert.fate = "" if alert.is_told else fate
            self._ledger.touch_alert(fingerprint)
