"""Predicates on the state of workloads, Pods and Nodes: rolled out or not, ending, cordoned. Pure.

Rollouts are judged as `kubectl rollout status` does
(https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go), with a verdict for what it
waits on without an end: a rollout that is stuck or paused. A field that is absent counts as the API's default.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum

from kwatch.model.conditions import Path
from kwatch.model.observations import ObjectState

#: Of a Deployment the number of its revision, of a DaemonSet that of its template.
_REVISION: Path = ("metadata", "annotations", "deployment.kubernetes.io/revision")
_TEMPLATE_GENERATION: Path = ("metadata", "annotations", "deprecated.daemonset.template.generation")
_GENERATION: Path = ("metadata", "generation")
_OBSERVED: Path = ("status", "observedGeneration")
_REPLICAS: Path = ("spec", "replicas")
_TEMPLATE: Path = ("spec", "template")
_PAUSED: Path = ("spec", "paused")
_DEADLINE: Path = ("spec", "progressDeadlineSeconds")
_STRATEGY: Path = ("spec", "updateStrategy", "type")
_PARTITION: Path = ("spec", "updateStrategy", "rollingUpdate", "partition")
_TOTAL: Path = ("status", "replicas")
_UPDATED: Path = ("status", "updatedReplicas")
_AVAILABLE: Path = ("status", "availableReplicas")
_READY: Path = ("status", "readyReplicas")
_CURRENT_REVISION: Path = ("status", "currentRevision")
_UPDATE_REVISION: Path = ("status", "updateRevision")
_DESIRED: Path = ("status", "desiredNumberScheduled")
_CURRENT: Path = ("status", "currentNumberScheduled")
_UPDATED_SCHEDULED: Path = ("status", "updatedNumberScheduled")
_NUMBER_AVAILABLE: Path = ("status", "numberAvailable")
_UNSCHEDULABLE: Path = ("spec", "unschedulable")
_TAINTS: Path = ("spec", "taints", None, "key")
_DELETED_AT: Path = ("metadata", "deletionTimestamp")
_PHASE: Path = ("status", "phase")

#: What must be kept of each kind so that the predicates can answer.
PATHS: Mapping[str, frozenset[Path]] = {
    "Deployment.apps": frozenset(
        (_TEMPLATE, _REVISION, _GENERATION, _OBSERVED, _REPLICAS, _PAUSED, _DEADLINE, _TOTAL, _UPDATED, _AVAILABLE)
    ),
    "StatefulSet.apps": frozenset(
        (
            *(_TEMPLATE, _GENERATION, _OBSERVED, _REPLICAS, _STRATEGY, _PARTITION, _TOTAL, _UPDATED, _READY),
            *(_CURRENT_REVISION, _UPDATE_REVISION),
        )
    ),
    "DaemonSet.apps": frozenset(
        (
            _TEMPLATE,
            _TEMPLATE_GENERATION,
            _GENERATION,
            _OBSERVED,
            _STRATEGY,
            _DESIRED,
            _CURRENT,
            _UPDATED_SCHEDULED,
            _NUMBER_AVAILABLE,
        )
    ),
    "Job.batch": frozenset(),
    "Node": frozenset((_UNSCHEDULABLE, _TAINTS)),
    "Pod": frozenset((_DELETED_AT, _PHASE)),
}

#: Taints by which a node is emptied: by hand, by the cluster autoscaler, by Karpenter.
_LEAVING_TAINTS = frozenset(
    ("node.kubernetes.io/unschedulable", "ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted")
)
#: Why a Pod is a DisruptionTarget when nothing is wrong with it or its node.
_PLANNED_DISRUPTIONS = frozenset(("EvictionByEvictionAPI", "PreemptionByScheduler"))
#: How long after its end was due a Pod may be there: the kubelet's and the API server's own time.
_SLACK = timedelta(minutes=1)
#: The end of what is expected for as long as the object is there.
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Rollout(Enum):
    """How a rollout stands. UNOBSERVED: the controller has not seen the newest spec, so nobody can say."""

    UNOBSERVED = "unobserved"
    ROLLING = "rolling"
    STUCK = "stuck"
    PAUSED = "paused"
    COMPLETE = "complete"


def rollout_of(state: ObjectState) -> Rollout:
    """Return how the rollout of a Deployment, StatefulSet or DaemonSet stands."""
    if _number(state, _OBSERVED) < _number(state, _GENERATION):
        return Rollout.UNOBSERVED
    match state.ref.kind:
        case "Deployment":
            return _rollout_of_deployment(state)
        case "StatefulSet":
            return Rollout.COMPLETE if _is_stateful_set_complete(state) else Rollout.ROLLING
        case _:
            return Rollout.COMPLETE if _is_daemon_set_complete(state) else Rollout.ROLLING


def replaces_pods(state: ObjectState) -> bool:
    """Return whether there are Pods of another revision than the newest, which are to be replaced.

    A workload that has only just been made, or whose Pods crash, has none: that is no rollout.
    """
    match state.ref.kind:
        case "Deployment":
            return _number(state, _UPDATED) < _number(state, _TOTAL)
        case "StatefulSet":
            is_other = _text(state, _CURRENT_REVISION) != _text(state, _UPDATE_REVISION)
            return is_other and not _is_on_delete(state) and _number(state, _UPDATED) < _to_update(state)
        case _:
            return not _is_on_delete(state) and _number(state, _UPDATED_SCHEDULED) < _number(state, _CURRENT)


def has_new_template(before: ObjectState, state: ObjectState) -> bool:
    """Return whether a workload is asked for other Pods. Until its controller has seen any spec it is being made."""
    return _number(before, _OBSERVED) > 0 and _text(state, _TEMPLATE) != _text(before, _TEMPLATE)


def revision_of(state: ObjectState) -> str:
    """Return what names the newest revision of a workload's template."""
    return next(
        (text for path in (_REVISION, _UPDATE_REVISION, _TEMPLATE_GENERATION) if (text := _text(state, path))), ""
    )


def achieved_by(state: ObjectState) -> int:
    """Return how far a rollout is, in Pods that are there and Pods that serve: it grows while that goes on."""
    counts = (_UPDATED, _AVAILABLE, _READY, _UPDATED_SCHEDULED, _NUMBER_AVAILABLE)
    return sum(_number(state, path) for path in counts)


def replicas_of(state: ObjectState) -> int:
    """Return how many Pods a workload should have."""
    return _number(state, _DESIRED) if state.ref.kind == "DaemonSet" else _number(state, _REPLICAS, 1)


def has_shrunk(before: ObjectState, state: ObjectState) -> bool:
    """Return whether a workload is to have fewer Pods than before."""
    return state.ref.kind != "DaemonSet" and replicas_of(state) < replicas_of(before)


def has_surplus(state: ObjectState) -> bool:
    """Return whether a workload has more Pods than it should, or cannot be said to have not."""
    return rollout_of(state) is Rollout.UNOBSERVED or _number(state, _TOTAL) > replicas_of(state)


def deadline_of(state: ObjectState) -> timedelta | None:
    """Return a Deployment's progressDeadlineSeconds; None where there is none."""
    seconds = _number(state, _DEADLINE)
    return timedelta(seconds=seconds) if 0 < seconds < 2**31 - 1 else None


def has_completed(state: ObjectState) -> bool:
    """Return whether a Job has done its work."""
    return any(_holds(state, condition) for condition in ("Complete", "SuccessCriteriaMet"))


def is_cordoned(state: ObjectState) -> bool:
    """Return whether a Node takes no new Pods because somebody wants it so."""
    return state.values.get(_UNSCHEDULABLE) == (True,) or not _LEAVING_TAINTS.isdisjoint(
        map(str, state.values.get(_TAINTS, ()))
    )


def is_evictable(state: ObjectState) -> bool:
    """Return whether a drain has to move a Pod: those of DaemonSets and of the node itself stay."""
    stays = state.owner is not None and state.owner.kind in ("DaemonSet", "Node")
    return not stays and _text(state, _PHASE) not in ("Succeeded", "Failed")


def is_ending(state: ObjectState) -> bool:
    """Return whether somebody wants a Pod to end: it is being deleted, evicted or preempted."""
    return is_evicted(state) or bool(_text(state, _DELETED_AT))


def is_evicted(state: ObjectState) -> bool:
    """Return whether a Pod says that it has to leave its node, by an eviction or for another Pod."""
    disruption = state.conditions.get("DisruptionTarget")
    return disruption is not None and disruption.status == "True" and disruption.reason in _PLANNED_DISRUPTIONS


def expected_until(state: ObjectState, now: datetime) -> datetime | None:
    """Return until when it is expected that a Pod is not well, because it ends as it should; None: it is not.

    https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination: deletionTimestamp is when the
    grace period is over.
    """
    if state.ref.kind != "Pod":
        return None
    if _text(state, _PHASE) == "Succeeded":
        return _FOR_EVER
    if not is_ending(state):
        return None
    return min(_instant(_text(state, _DELETED_AT)) or now, _FOR_EVER - _SLACK) + _SLACK


def _rollout_of_deployment(state: ObjectState) -> Rollout:
    progressing = state.conditions.get("Progressing")
    reason = progressing.reason if progressing is not None else ""
    updated = _number(state, _UPDATED)
    if reason == "ProgressDeadlineExceeded":
        return Rollout.STUCK
    is_complete = updated >= _number(state, _REPLICAS, 1) and not _number(state, _TOTAL) > updated
    if is_complete and _number(state, _AVAILABLE) >= updated:
        return Rollout.COMPLETE
    return Rollout.PAUSED if state.values.get(_PAUSED) == (True,) else Rollout.ROLLING


def _is_stateful_set_complete(state: ObjectState) -> bool:
    if _is_on_delete(state):
        return True
    if _number(state, _READY) < _number(state, _REPLICAS, 1):
        return False
    if _number(state, _PARTITION):
        return _number(state, _UPDATED) >= _to_update(state)
    return _text(state, _UPDATE_REVISION) == _text(state, _CURRENT_REVISION)


def _is_daemon_set_complete(state: ObjectState) -> bool:
    desired = _number(state, _DESIRED)
    return _is_on_delete(state) or (
        _number(state, _UPDATED_SCHEDULED) >= desired and _number(state, _NUMBER_AVAILABLE) >= desired
    )


def _is_on_delete(state: ObjectState) -> bool:
    """Nothing is rolled out by itself."""
    return _text(state, _STRATEGY) == "OnDelete"


def _to_update(state: ObjectState) -> int:
    """How many Pods of a StatefulSet are to have the newest revision: those above the partition."""
    return _number(state, _REPLICAS, 1) - _number(state, _PARTITION)


def _holds(state: ObjectState, condition: str) -> bool:
    found = state.conditions.get(condition)
    return found is not None and found.status == "True"


def _number(state: ObjectState, path: Path, default: int = 0) -> int:
    value = next(iter(state.values.get(path, ())), default)
    return value if isinstance(value, int) else default


def _text(state: ObjectState, path: Path) -> str:
    return str(next(iter(state.values.get(path, ())), ""))


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
