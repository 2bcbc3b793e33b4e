"""What the annotations of objects, of their workloads and of their namespaces ask for; of two the nearest wins.

A mute is in force wherever one is: one that is over takes nothing away from that of the namespace.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from kwatch.alerts import mutes
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.mutes import ANNOTATION, Mute, Standing, standing_of
from kwatch.alerts.records import Annotated
from kwatch.alerts.silences import KWATCH
from kwatch.alerts.timers import Phase, Timers
from kwatch.alerts.wishes import Ignored, Wishes, own, read_wishes
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Rule, Severity
from kwatch.model.self_service import SelfService, Watching

#: Annotated objects that are kept; one more is ignored, and counted.
MOST = 20_000
#: What the names of their deadlines and rows begin with.
KEY = "annotated/"

#: What is said of one more.
TOO_MANY = Ignored("kwatch/*", "too_many", f"{MOST} objects are annotated already")

#: An object as labels name it: its namespace, and `Kind/name`.
Place = tuple[str, str]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One annotation that may act on something, for people."""

    object: str
    annotation: str
    value: str
    ignored: str = ""  # why it does nothing; empty: it counts


class Annotations:
    """The annotated objects; `allowed` None: no annotation does anything."""

    def __init__(self, allowed: SelfService | None, timers: Timers, ledger: Ledger) -> None:
        self.allowed = allowed
        self._timers = timers
        self._ledger = ledger
        self._kept: dict[Place, Annotated] = {}
        self._wishes: dict[Place, Wishes] = {}

    def row(self, key: str) -> Annotated | None:
        """Return what must survive a restart, by the key of its row."""
        return self._kept.get(place_of_key(key)) if key.startswith(KEY) else None

    def load(self, kept: Iterable[Annotated]) -> None:
        """Take back what was kept, read by what is allowed now."""
        for each in kept:
            if self.allowed is None:
                self._ledger.touch_group(_key(each.ref))
            else:
                self._put(each, self.allowed)

    def use(self, allowed: SelfService | None, now: datetime) -> list[Place]:
        """Go by what is allowed now; return for whom that may be another thing than before."""
        if allowed == self.allowed:
            return []
        self.allowed = allowed
        kept = tuple(self._kept.values())
        for each in kept:
            before = self._standing(each.ref)
            if allowed is None:
                self._forget(each.ref)
            else:
                self._put(each, allowed)
            self._note(each.ref, before, KWATCH, now)
        return [place_of(each.ref) for each in kept]

    def hear(self, ref: ObjectRef, annotations: Mapping[str, str], now: datetime) -> tuple[Ignored, ...] | None:
        """Take the annotations that an object has now; return what is new and ignored. None: they are as they were."""
        asked, place = own(annotations) if annotations else {}, place_of(ref)
        known = self._kept.get(place)
        if self.allowed is None or asked == (known.annotations if known is not None else {}):
            return None
        if not asked:
            return () if self._drop(ref, now) else None
        if known is None and len(self._kept) >= MOST:
            return (TOO_MANY,)
        standing = self._standing(ref)
        self._put(Annotated(ref=ref, annotations=asked, heard_at=now), self.allowed)
        self._ledger.touch_group(_key(ref))
        self._note(ref, standing, ANNOTATION, now)
        before = known.annotations if known is not None else {}
        ignored = self._wishes[place].ignored
        return tuple(each for each in ignored if before.get(each.annotation) != asked[each.annotation])

    def expire(self, key: str, now: datetime) -> None:
        """The mute of a deadline ends now, and is not asked for any more."""
        place = place_of_key(key)
        ref = self._kept[place].ref
        before = self._standing(ref)
        self._wishes[place] = msgspec.structs.replace(self._wishes[place], mute_until=None)
        self._note(ref, before, KWATCH, now)

    def keep_only(self, kind: str, group: str, namespace: str, present: Container[str], now: datetime) -> list[Place]:
        """Forget the objects that a list has not shown; return where they were."""
        gone = [
            kept.ref
            for kept in self._kept.values()
            if (kept.ref.kind, kept.ref.group) == (kind, group)
            and namespace in ("", kept.ref.namespace)
            and kept.ref.uid not in present
        ]
        return [place_of(ref) for ref in gone if self._drop(ref, now)]

    def mute_of(self, labels: Mapping[str, str], now: datetime) -> Mute | None:
        """Return the mute that is in force for an alert; of several the one that lasts longest."""
        mutes = [
            Mute(str(self._kept[place].ref), wishes.mute_until, wishes.mute_reason)
            for place, wishes in self._about(labels)
            if wishes.mute_until is not None and now < wishes.mute_until
        ]
        return max(mutes, key=lambda mute: mute.until, default=None)

    def edges(self) -> Iterator[datetime]:
        """Yield when mutes end."""
        return (wishes.mute_until for wishes in self._wishes.values() if wishes.mute_until is not None)

    def receiver_of(self, labels: Mapping[str, str]) -> str:
        """Return the receiver that is asked for; empty: those of the routes."""
        return next((wishes.receiver for _, wishes in self._about(labels) if wishes.receiver), "")

    def severity_of(self, rule: Rule, labels: Mapping[str, str]) -> Severity:
        """Return how bad an alert of a rule is."""
        asked = next((wishes.severity for _, wishes in self._about(labels) if wishes.severity), None)
        choices = self.allowed.choices(rule.severity) if self.allowed is not None else frozenset()
        return rule.severity if asked is None or asked not in choices else asked

    def texts_of(self, rule: Rule, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the annotations of an alert: the rule's, and a runbook where it has none."""
        runbook = next((wishes.runbook for _, wishes in self._about(labels) if wishes.runbook), "")
        return {**({"runbook": runbook} if runbook else {}), **rule.annotations}

    def opts_out(self, places: Iterable[Place]) -> bool:
        """Return whether the observations of an object are not wanted. What has no namespace need not opt in."""
        if self.allowed is None or self.allowed.watch is Watching.ALL:
            return False
        nearest = tuple(places)
        said = next((wishes.watch for _, wishes in self._found(nearest) if wishes.watch is not None), None)
        is_namespaced = nearest[0][0] != ""
        return not said if said is not None else self.allowed.watch is Watching.OPT_IN and is_namespaced

    def asked(self, places: Iterable[Place]) -> tuple[Asked, ...]:
        """Return every annotation that is about an object, the nearest first."""
        return tuple(
            Asked(object=str(self._kept[place].ref), annotation=key, value=value, ignored=_why_ignored(wishes, key))
            for place, wishes in self._found(places)
            for key, value in self._kept[place].annotations.items()
        )

    def _about(self, labels: Mapping[str, str]) -> Iterable[tuple[Place, Wishes]]:
        return self._found(places_of(labels)) if self._wishes else ()

    def _found(self, places: Iterable[Place]) -> Iterator[tuple[Place, Wishes]]:
        for place in dict.fromkeys(places):
            if (wishes := self._wishes.get(place)) is not None:
                yield place, wishes

    def _put(self, kept: Annotated, allowed: SelfService) -> None:
        place = place_of(kept.ref)
        wishes = read_wishes(kept.annotations, allowed, kept.heard_at)
        self._kept[place], self._wishes[place] = kept, wishes
        self._timers.set((Phase.EDGE, _key(kept.ref)), wishes.mute_until)

    def _drop(self, ref: ObjectRef, now: datetime) -> bool:
        """Forget an object that asks for nothing any more."""
        before = self._standing(ref)
        if not self._forget(ref):
            return False
        self._note(ref, before, ANNOTATION, now)
        return True

    def _standing(self, ref: ObjectRef) -> Standing:
        kept = self._kept.get(place_of(ref))
        return Standing() if kept is None else standing_of(self._wishes[place_of(ref)], kept.annotations)

    def _note(self, ref: ObjectRef, before: Standing, actor: str, now: datetime) -> None:
        """Write into the audit log what has become of the mute that an object asks for."""
        self._ledger.audit.extend(mutes.changes(ref, before, self._standing(ref), actor, now))

    def _forget(self, ref: ObjectRef) -> bool:
        """Forget an object; not where another of that name, of another group, is kept."""
        place = place_of(ref)
        if self._kept[place].ref.group != ref.group:
            return False
        del self._kept[place], self._wishes[place]
        self._timers.set((Phase.EDGE, _key(ref)), None)
        self._ledger.touch_group(_key(ref))
        return True


def places_of(labels: Mapping[str, str]) -> tuple[Place, ...]:
    """Return what an alert is about, the nearest first: the object, its workload, its namespace."""
    namespace = labels.get("namespace", "")
    return (
        (namespace, f"{labels.get('kind', '')}/{labels.get('name', '')}"),
        (namespace, labels.get("workload", "")),
        ("", f"Namespace/{namespace}"),
    )


def places_of_object(ref: ObjectRef, workload: str) -> tuple[Place, ...]:
    """Return the same of an object and its workload."""
    return places_of({"namespace": ref.namespace, "kind": ref.kind, "name": ref.name, "workload": workload})


def place_of_key(key: str) -> Place:
    """Return whose deadline this is."""
    kind, *namespace, name = key.removeprefix(KEY).split("/")
    return "/".join(namespace), f"{kind}/{name}"


def _key(ref: ObjectRef) -> str:
    return f"{KEY}{ref}"


def place_of(ref: ObjectRef) -> Place:
    """Return where an object is."""
    return ref.namespace, f"{ref.kind}/{ref.name}"


def _why_ignored(wishes: Wishes, key: str) -> str:
    return next((ignored.says for ignored in wishes.ignored if ignored.annotation == key), "")
