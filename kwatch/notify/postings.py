"""Alerts as an Alertmanager is given them, and which of them go on there. Pure.

An alert is its labels: they hold no count and no text. Which alerts go on is kept by `Standing`, for as long as the
process lives; what has ended is kept for 15 minutes, so that a replica which missed the end hears of it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.compose import Composition
from kwatch.notify.escape import cut

#: How long what has ended is posted again.
AFTER_END: Final = timedelta(minutes=15)
#: Kinds that say something as a whole, beside the alerts that they list.
WHOLE: Final = frozenset(
    {
        NotificationKind.SUMMARY,
        NotificationKind.OVERFLOW,
        NotificationKind.DIGEST,
        NotificationKind.META,
        NotificationKind.TEST,
    }
)

_MAX_TEXT: Final = 4000
_MAX_PLAIN: Final = 300
_OVER: Final = frozenset({AlertState.RESOLVED, AlertState.EXPIRED})

#: The labels of an alert, which are what it is.
Key = frozenset[tuple[str, str]]


class Posting(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An alert as it is posted, but for when it ends if it goes on."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None = None  # None: it goes on
    generator_url: str = msgspec.field(name="generatorURL", default="")
    is_moment: bool = False  # nothing will tell of its end

    @property
    def key(self) -> Key:
        """What makes it this alert."""
        return frozenset(self.labels.items())


class Standing:
    """What goes on at an Alertmanager, and what has ended there lately."""

    def __init__(self) -> None:
        self._open: Mapping[Key, Posting] = {}
        self._over: Mapping[Key, tuple[Posting, datetime]] = {}  # and until when it is posted

    def note(self, postings: Iterable[Posting], now: datetime) -> None:
        """Take what was posted by itself."""
        changed, over, opened = {made.key for made in postings}, {}, {}
        for made in postings:
            if made.ends_at is not None:
                over[made.key] = made, now + AFTER_END
            elif not made.is_moment:
                opened[made.key] = made
        self._open = {key: made for key, made in self._open.items() if key not in changed} | opened
        self._over = {key: each for key, each in self._over.items() if key not in changed} | over

    def snapshot(self) -> tuple[frozenset[Key], frozenset[Key]]:
        """Return what goes on and what has ended, for `settle`."""
        return frozenset(self._open), frozenset(self._over)

    def settle(
        self, fires: Mapping[Key, Posting], since: tuple[frozenset[Key], frozenset[Key]], now: datetime, *, ends: bool
    ) -> tuple[Posting, ...]:
        """Take all that fired at the time of a snapshot, and return all that is to be posted now.

        What was noted after the snapshot is newer, and stays. What fires no more is over, if `ends` are wanted.
        """
        were_open, were_over = since
        current = {key: made for key, made in fires.items() if key in were_over or key not in self._over}
        gone = {key: made for key, made in self._open.items() if key in were_open and key not in current}
        newer = {key: made for key, made in self._open.items() if key not in were_open and key not in current}
        ended = {key: (_ended(made, now), now + AFTER_END) for key, made in gone.items() if ends}
        kept = {key: each for key, each in self._over.items() if each[1] > now and key not in current}
        self._open, self._over = current | newer, kept | ended
        return (*self._open.values(), *(made for made, _ in self._over.values()))


def _ended(made: Posting, now: datetime) -> Posting:
    return msgspec.structs.replace(made, ends_at=max(now, made.starts_at))


def posting(view: AlertView, texts: Composition, *, degraded: bool) -> Posting:
    """Return an alert of ours as one of theirs; a notice is a moment."""
    facts = texts.context["alerts"][0]
    labels = {_label(name): value for name, value in facts["labels"].items()}
    own = {"alertname": facts["rule"], "severity": facts["severity"], "fingerprint": view.fingerprint}
    return Posting(
        labels=_named({**labels, **own, "cluster": texts.context["cluster"]}),
        annotations=_annotations(texts, facts["runbook"], degraded=degraded),
        starts_at=view.starts_at,
        ends_at=max(view.ends_at or view.starts_at, view.starts_at) if view.state in _OVER else None,
        generator_url=texts.context["url"],
        is_moment=view.state not in {*_OVER, AlertState.FIRING} or texts.context["kind"] == "notice",
    )


def moment(notification: Notification, texts: Composition, *, degraded: bool) -> Posting:
    """Return what a notification says as a whole; by its incident it is told from others of its kind."""
    severity = notification.severity if notification.kind is NotificationKind.META else Severity.INFO
    labels = {
        "alertname": "kwatch",
        "cluster": texts.context["cluster"],
        "severity": severity.word,
        "kind": notification.kind.value,
        "incident": notification.incident,
    }
    return Posting(
        labels=_named(labels),
        annotations=_annotations(texts, "", degraded=degraded),
        starts_at=notification.created_at,
        generator_url=texts.context["url"],
        is_moment=True,
    )


def document(made: Posting, lasts_until: datetime) -> Mapping[str, Any]:
    """Return what is sent of an alert; one that goes on says until when that is sure."""
    ends_at = made.ends_at or max(lasts_until, made.starts_at)
    fields = {"labels": made.labels, "annotations": made.annotations, "startsAt": made.starts_at, "endsAt": ends_at}
    return {**fields, **({"generatorURL": made.generator_url} if made.generator_url else {})}


def _annotations(texts: Composition, runbook: str, *, degraded: bool) -> Mapping[str, str]:
    title = cut(texts.text("title") if texts.has_own("title") else texts.context["title"], _MAX_TEXT)
    text = cut(texts.text("text"), _MAX_PLAIN if degraded else _MAX_TEXT)
    return _named({"summary": title, "description": text, "runbook_url": runbook})


def _named(values: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out what is empty: there a label without a value is none."""
    return {name: value for name, value in values.items() if value}


def _label(name: str) -> str:
    """Return a name that a label may have: `app.kubernetes.io/part-of` is `app_kubernetes_io_part_of`."""
    plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return f"_{plain}" if plain[:1].isdecimal() or not plain else plain
