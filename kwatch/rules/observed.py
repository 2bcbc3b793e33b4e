"""What a condition sees of an Event, of a change of an object, or of an object as it is."""

from collections.abc import Callable, Mapping
from operator import attrgetter

import msgspec

from kwatch.model.conditions import Path, Word
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About, Change, KubeEvent, ObjectChange, ObjectState, Position


class Observed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a condition sees. None is "cannot be had now"; an empty text is "absent".

    `kind`, `namespace` and the like are those of the object that it is about. Texts bear the names of the match keys.
    """

    kind: str
    group: str
    namespace: str | None
    name: str | None = None
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    component: str | None = None
    host: str | None = None
    workload: str | None = None
    change: str | None = None
    state: ObjectState | None = None
    before: ObjectState | None = None
    elements: Mapping[Path, Position] = {}  # of each list that is bound, the element that is judged


def observe_event(event: KubeEvent, about: About | None) -> Observed:
    """Return what conditions see of a Kubernetes event."""
    regarding = event.regarding
    state = about.state if about is not None else None
    return Observed(
        kind=regarding.kind,
        group=regarding.group,
        namespace=regarding.namespace,
        name=regarding.name,
        type=event.type,
        reason=event.reason,
        message=event.message,
        component=event.component,
        host=event.host,
        workload=about.workload if about is not None and state is not None else None,
        change="",
        state=state,
    )


def observe_change(change: ObjectChange, workload: str) -> Observed:
    """Return what conditions see of a change. The end of an object changes none of its fields."""
    before = change.before if change.change is not Change.DELETED else None
    return _observe(change.state, workload=workload, change=_CHANGE_WORDS[change.change], before=before)


def observe_state(state: ObjectState, workload: str | None) -> Observed:
    """Return what conditions see of an object of which nothing has just changed."""
    return _observe(state, workload=workload, change="", before=None)


def _observe(state: ObjectState, *, workload: str | None, change: str, before: ObjectState | None) -> Observed:
    ref = state.ref
    return Observed(
        kind=ref.kind,
        group=ref.group,
        namespace=ref.namespace,
        name=ref.name,
        type="",
        reason="",
        message="",
        component="",
        host="",
        workload=workload,
        change=change,
        state=state,
        before=before,
    )


#: The words of `change:`. What was there already has not changed.
_CHANGE_WORDS = {
    Change.EXISTING: "",
    Change.CREATED: "created",
    Change.UPDATED: "updated",
    Change.DELETED: "deleted",
}


def workload_of(ref: ObjectRef, about: About | None) -> str:
    """Return `Kind/name` of the top controller as far as it is known, else of the object itself."""
    return about.workload if about is not None else f"{ref.kind}/{ref.name}"


def _owner(o: Observed) -> str | None:
    if o.state is None:
        return None
    owner = o.state.owner
    return f"{owner.kind}/{owner.name}" if owner is not None else ""


def _node(o: Observed) -> str | None:
    return o.state.node if o.state is not None else None


#: How each word is read: None when it cannot be had, empty when it is absent.
TEXTS: Mapping[Word, Callable[[Observed], str | None]] = {word: attrgetter(word.value) for word in Word} | {
    Word.OWNER: _owner,
    Word.NODE: _node,
}
