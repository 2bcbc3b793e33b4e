"""From changes of objects to planned changes: rollouts, scale-downs, drains, ends of Jobs. Pure.

A drain begins with the first Pod that is ended on a cordoned Node, not with the cordon: that alone disturbs nobody. It
is done when no Pod is left there that it has to move. Which Pods are left is kept here, for cordoned Nodes only. An
eviction may be heard before the cordon, as each kind has a watch of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About, Change, ObjectChange, ObjectState
from kwatch.model.planned import PlannedKind, PlannedStep, Progress, subject
from kwatch.rules import workloads
from kwatch.rules.workloads import Rollout

#: The kinds, each with its group, that say when a planned change begins.
CHANGING = frozenset(
    (("Deployment", "apps"), ("StatefulSet", "apps"), ("DaemonSet", "apps"), ("Job", "batch"), ("Node", ""))
)

#: How long a controller may take to see what is asked of it.
_UNOBSERVED = timedelta(minutes=1)


class PlanReader:
    """Read planned changes off what happens to objects.

    `get` returns an object that is watched, `about` what is known of its workload, `pods` all Pods.
    """

    def __init__(
        self,
        get: Callable[[ObjectRef], ObjectState | None],
        about: Callable[[ObjectRef], About | None],
        pods: Callable[[], Iterable[ObjectState]],
    ) -> None:
        self._get = get
        self._about = about
        self._pods = pods
        self._left: dict[str, set[str]] = {}  # cordoned Node → uids of the Pods that a drain has to move

    def read(self, change: ObjectChange) -> Iterator[PlannedStep]:
        """Yield what a change of any object says; of most objects nothing."""
        ref = change.state.ref
        if (ref.kind, ref.group) == ("Pod", ""):
            if change.state.node:
                yield from self._read_pod(change)
        elif (ref.kind, ref.group) in CHANGING:
            if ref.kind == "Node":
                yield from self._read_node(change)
            elif ref.kind == "Job":
                yield from self._read_job(change)
            else:
                yield from _read_workload(change)

    def draining(self) -> frozenset[str]:
        """Return the Nodes, named as the subjects of drains are, that have Pods left to move."""
        return frozenset(_node(name) for name, left in self._left.items() if left)

    def _read_node(self, change: ObjectChange) -> Iterator[PlannedStep]:
        name = change.state.ref.name
        if change.change is Change.DELETED or not workloads.is_cordoned(change.state):
            if self._left.pop(name, None) is not None or change.change is Change.EXISTING:
                yield _drain(name, Progress.DONE)
        elif name not in self._left:
            pods = [pod for pod in self._pods() if pod.node == name and workloads.is_evictable(pod)]
            self._left[name] = {pod.ref.uid for pod in pods}
            yield from (self._leaving(pod) for pod in pods if workloads.is_evicted(pod))

    def _read_pod(self, change: ObjectChange) -> Iterator[PlannedStep]:
        pod = change.state
        left = self._left.get(pod.node)
        if left is None:
            return
        before = len(left)
        if change.change is not Change.DELETED and workloads.is_evictable(pod):
            left.add(pod.ref.uid)
            was_ending = change.change is Change.EXISTING or (
                change.before is not None and workloads.is_ending(change.before)
            )
            if workloads.is_ending(pod) and not was_ending:
                yield self._leaving(pod)
            return
        left.discard(pod.ref.uid)
        if before and not left:
            yield _drain(pod.node, Progress.DONE)

    def _leaving(self, pod: ObjectState) -> PlannedStep:
        about = self._about(pod.ref)
        workload = about.workload if about is not None else f"{pod.ref.kind}/{pod.ref.name}"
        return PlannedStep(
            kind=PlannedKind.DRAIN,
            subject=_node(pod.node),
            progress=Progress.BEGUN,
            also=subject(pod.ref.namespace, workload),
        )

    def _read_job(self, change: ObjectChange) -> Iterator[PlannedStep]:
        if change.change is not Change.UPDATED or change.before is None:
            return
        if workloads.has_completed(change.state) and not workloads.has_completed(change.before):
            about = self._about(change.state.ref)
            named = subject(change.state.ref.namespace, about.workload) if about is not None else _subject(change.state)
            yield PlannedStep(kind=PlannedKind.JOB_END, subject=named, progress=Progress.BEGUN, pods=0)
            yield PlannedStep(kind=PlannedKind.JOB_END, subject=named, progress=Progress.DONE)


def _drain(node: str, progress: Progress) -> PlannedStep:
    return PlannedStep(kind=PlannedKind.DRAIN, subject=_node(node), progress=progress)


def _node(name: str) -> str:
    return subject("", f"Node/{name}")


def _read_workload(change: ObjectChange) -> Iterator[PlannedStep]:
    state = change.state
    yield _rollout(change)
    named = _subject(state)
    if change.before is not None and workloads.has_shrunk(change.before, state):
        pods = workloads.replicas_of(change.before) - workloads.replicas_of(state)
        yield PlannedStep(kind=PlannedKind.SCALE_DOWN, subject=named, progress=Progress.BEGUN, pods=pods)
    if change.change is Change.DELETED or not workloads.has_surplus(state):
        yield PlannedStep(kind=PlannedKind.SCALE_DOWN, subject=named, progress=Progress.DONE)


def _rollout(change: ObjectChange) -> PlannedStep:
    state, reason = change.state, ""
    progress, limit, achieved = Progress.GOING, workloads.deadline_of(state), workloads.achieved_by(state)
    match workloads.rollout_of(state):
        case _ if change.change is Change.DELETED:
            progress = Progress.DONE
        case Rollout.COMPLETE:
            progress = Progress.DONE
        case Rollout.STUCK:
            progress, reason = Progress.FAILED, "which is stuck"
        case Rollout.PAUSED:
            progress, reason = Progress.FAILED, "which is paused"
        case Rollout.ROLLING if workloads.replaces_pods(state):
            progress = Progress.BEGUN
        case Rollout.UNOBSERVED if change.before is not None and workloads.has_new_template(change.before, state):
            # Its first Pods may come before its controller says so.
            progress, limit, achieved = Progress.BEGUN, _UNOBSERVED, -1
        case _:
            pass
    return PlannedStep(
        kind=PlannedKind.ROLLOUT,
        subject=_subject(state),
        progress=progress,
        revision=workloads.revision_of(state),
        limit=limit,
        achieved=achieved,
        pods=workloads.replicas_of(state),
        reason=reason,
    )


def _subject(state: ObjectState) -> str:
    """Name a workload by the controller above it, where it has one, as the labels of alerts do."""
    owner = state.owner
    named = f"{owner.kind}/{owner.name}" if owner is not None else f"{state.ref.kind}/{state.ref.name}"
    return subject(state.ref.namespace, named)
