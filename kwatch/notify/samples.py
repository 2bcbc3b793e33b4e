"""Sample notifications, one of each kind, for `kwatch render`, `kwatch send-test` and the check of templates.

Their alerts are what the rules of packs say of them.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from kwatch import __version__
from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.notifications import (
    Content,
    Notification,
    NotificationKind,
    Part,
    Section,
    Suppressed,
    Undelivered,
    tally,
)
from kwatch.model.rules import Severity


def sample(
    kind: NotificationKind, *, destination: str, receiver: str, cluster: str, now: datetime, public_url: str = ""
) -> Notification:
    """Return what a destination would be told: a crash loop, and for a summary a few problems more."""
    alerts = _alerts(kind, now)
    of_itself = Severity.CRITICAL if kind is NotificationKind.META else Severity.INFO  # as of one that refuses all
    worst = max((alert.severity for alert in alerts), default=of_itself)
    is_digest = kind is NotificationKind.DIGEST
    return Notification(
        id=f"sample-{kind.value}-{now:%Y%m%dT%H%M%S}",
        destination=destination,
        incident="kw/sample/1",
        sequence=1,
        kind=kind,
        severity=worst,
        created_at=now,
        content=Content(
            kind=kind,
            cluster=cluster,
            receiver=receiver,
            severity=worst,
            group_labels=_shared(alerts),
            alerts=alerts,
            alert_count=len(alerts),
            firing_count=sum(alert.state is AlertState.FIRING for alert in alerts),
            starts_at=now - _DAY if is_digest else min((alert.starts_at for alert in alerts), default=now),
            ends_at=now if kind.closes or is_digest else None,
            public_url=public_url,
            text=_TEXTS.get(kind, ""),
            folded=len(alerts) if kind is NotificationKind.OVERFLOW else 0,
            counts=tally(alerts) if kind is NotificationKind.OVERFLOW else (),
            sections=_SECTIONS if is_digest else (),
            suppressed=_SUPPRESSED if is_digest else (),
            undelivered=_UNDELIVERED if is_digest else (),
        ),
    )


_DAY = timedelta(days=1)
_SECTIONS = (Section(Part.NEW, 1, 1), Section(Part.STILL_OPEN, 1, 1), Section(Part.CAME_AND_WENT, 1, 1))
_SUPPRESSED = (Suppressed("node-not-ready · Node/n-4", 4),)
_UNDELIVERED = (Undelivered("oncall-webhook", "unauthorized", 3, is_dead=True),)
_TEXTS = {
    NotificationKind.META: "The destination oncall-webhook refuses every message (unauthorized); 3 are waiting.",
    NotificationKind.TEST: f"This is a test of kwatch {__version__}. Nothing is wrong.",
}


def _alerts(kind: NotificationKind, now: datetime) -> tuple[AlertView, ...]:
    crash = _crash_loop(now)
    match kind:
        case NotificationKind.META | NotificationKind.TEST:
            return ()
        case NotificationKind.RESOLVED:
            return (replace(crash, state=AlertState.RESOLVED, ends_at=now, end_reason=EndReason.HEALTHY),)
        case NotificationKind.EXPIRED:
            return (replace(crash, state=AlertState.EXPIRED, ends_at=now, end_reason=EndReason.NOT_OBSERVED),)
        case NotificationKind.NOTICE:
            return (_rebooted(now),)
        case NotificationKind.UPDATE:
            joined = {**_image_pull(now).labels, "namespace": "payments", "workload": "Deployment/ledger"}
            return (replace(crash, is_new=False), replace(_image_pull(now), labels=joined, starts_at=now))
        case NotificationKind.SUMMARY | NotificationKind.OVERFLOW:
            return (crash, _image_pull(now))
        case NotificationKind.DIGEST:
            pull = replace(_image_pull(now), starts_at=now - timedelta(days=2), is_new=False)
            gone = replace(crash, state=AlertState.RESOLVED, starts_at=now - _DAY / 2, ends_at=now - _DAY / 3)
            return (crash, pull, gone)
        case _:
            return (crash,)


def _crash_loop(now: datetime) -> AlertView:
    return AlertView(
        fingerprint="sample-crash-loop",
        episode=1,
        rule="crash-loop",
        state=AlertState.FIRING,
        severity=Severity.CRITICAL,
        labels=_labels("payments", "Deployment/worker", "worker-7d9f-abcde", "BackOff"),
        annotations={
            "summary": (
                'A container of {{ workload }} keeps {% if details.exit_reason | default("") == "Completed" '
                "%}ending as if its work were done, with exit code 0{% elif details.exit_code is defined "
                "%}crashing with exit code {{ details.exit_code }}{% elif details.init_exit_code is defined "
                "%}crashing at its initialisation with exit code {{ details.init_exit_code }}{% else "
                "%}crashing{% endif %}."
            ),
            "explanation": (
                "The container ended again and again soon after its start, so the kubelet waits longer and "
                "longer (up to five minutes) before the next one. Its own log says why it ended."
            ),
            "next_step": "kubectl logs -n {{ namespace }} {{ name }} --all-containers --previous --ignore-errors",
        },
        message="Back-off restarting failed container app in pod worker-7d9f-abcde",
        details={"exit_code": "1", "restarts": "14"},
        count=14,
        window_count=5,
        window=timedelta(minutes=10),
        starts_at=now - timedelta(minutes=12),
        members=("worker-7d9f-abcde", "worker-7d9f-fghij"),
        member_count=2,
        is_new=True,
    )


def _image_pull(now: datetime) -> AlertView:
    return AlertView(
        fingerprint="sample-image-pull",
        episode=1,
        rule="image-pull",
        state=AlertState.FIRING,
        severity=Severity.WARNING,
        labels=_labels("shop", "Deployment/web", "web-5c8d-klmno", "Failed"),
        annotations={
            "summary": (
                "{% set is_it = details.images is defined and details.images in (details.error "
                "| default(details.images)) -%} An image of {{ workload }} cannot be pulled{% if "
                'details.init_error is defined %}: {{ details.init_error }}{% elif is_it and ", " not in '
                "details.images %} ({{ details.images }}){% elif details.error is defined %}: {{ details.error "
                "}}{% endif %}."
            ),
            "explanation": (
                "The node cannot get the image: its name or tag is wrong, it was never pushed, the registry "
                "cannot be reached, or the Pod has no valid imagePullSecrets for it."
            ),
            "next_step": (
                "kubectl describe pod -n {{ namespace }} {{ name }}; then correct the image of {{ workload "
                "}} or its imagePullSecrets."
            ),
        },
        message='Failed to pull image "registry.example.com/shop/web:1.2.4": not found',
        details={},
        count=3,
        window_count=0,
        starts_at=now - timedelta(hours=2),
        members=("web-5c8d-klmno",),
        member_count=1,
        is_new=True,
    )


def _rebooted(now: datetime) -> AlertView:
    return AlertView(
        fingerprint="sample-rebooted",
        episode=1,
        rule="node-rebooted",
        state=AlertState.FIRING,
        severity=Severity.WARNING,
        labels={"kind": "Node", "name": "node-1", "workload": "Node/node-1", "node": "node-1", "reason": "Rebooted"},
        annotations={
            "summary": "Node {{ name }} was rebooted.",
            "explanation": "All containers on it were ended and started again.",
            "next_step": "kubectl get pods -A -o wide --field-selector spec.nodeName={{ name }}",
        },
        message="Node node-1 has been rebooted, boot id: 2c1e5f0a-7b1f-4d0e-9f52-6d1f3f0b8c11",
        details={},
        count=1,
        window_count=0,
        starts_at=now,
        is_new=True,
    )


def _shared(alerts: tuple[AlertView, ...]) -> dict[str, str]:
    """Return the labels by which they are a group."""
    labels = [{name: view.labels.get(name, "") for name in ("namespace", "workload")} for view in alerts]
    return {
        name: value for name, value in (labels or [{}])[0].items() if value and all(e[name] == value for e in labels)
    }


def _labels(namespace: str, workload: str, name: str, reason: str) -> dict[str, str]:
    return {
        "kind": "Pod",
        "namespace": namespace,
        "workload": workload,
        "name": name,
        "node": "node-1",
        "reason": reason,
    }
