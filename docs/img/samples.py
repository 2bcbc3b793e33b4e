"""What the pictures tell: a crash loop that another problem joins and that ends, and a morning's digest."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from kwatch.model.alerts import AlertState, AlertView, EndReason
from kwatch.model.notifications import Content, NotificationKind, Part, Section, Suppressed, Undelivered
from kwatch.model.rules import Severity

NOW = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def alert(severity: Severity, rule: str, place: str, hours: float, summary: str, **changes: Any) -> AlertView:
    """Return an alert that began so many hours ago; the place is `team/namespace/Kind/name`."""
    team, namespace, workload = place.split("/", 2)
    made = AlertView(
        fingerprint=f"{rule}{place}".encode().hex()[:26],
        episode=1,
        rule=rule,
        state=AlertState.FIRING,
        severity=severity,
        labels={"team": team, "namespace": namespace, "workload": workload},
        annotations={"summary": summary},
        message="",
        details={},
        count=0,
        window_count=0,
        starts_at=NOW - timedelta(hours=hours),
        is_new=True,
    )
    return replace(made, **changes)


def over(view: AlertView, minutes: float) -> AlertView:
    """Return the alert, well again after so many minutes."""
    ends_at = view.starts_at + timedelta(minutes=minutes)
    return replace(view, state=AlertState.RESOLVED, ends_at=ends_at, end_reason=EndReason.HEALTHY, is_new=False)


def told(kind: NotificationKind, *alerts: AlertView, **facts: Any) -> Content:
    """Return what a notification says of the alerts."""
    made = Content(
        kind=kind,
        cluster="prod-eu",
        receiver="payments",
        severity=max(each.severity for each in alerts),
        group_labels={"namespace": "payments"},
        alerts=alerts,
        alert_count=len(alerts),
        firing_count=sum(each.state is AlertState.FIRING for each in alerts),
        starts_at=min(each.starts_at for each in alerts),
        ends_at=NOW if kind.closes else None,
        public_url="https://kwatch.example.com",
    )
    return replace(made, **facts)


CRASH = alert(
    CRITICAL,
    "crash-loop",
    "payments/payments/Deployment/worker",
    0.2,
    "Deployment/worker keeps crashing",
    message="panic: no route to ledger.payments.svc:5432",
    details={"exit_code": "1", "image": "registry.example.com/payments/worker:1.4.2"},
    count=43,
    window_count=14,
    window=timedelta(minutes=5),
    members=("worker-7d9c-x2x1", "worker-7d9c-k8fq"),
    member_count=5,
    annotations={
        "summary": "Deployment/worker keeps crashing",
        "explanation": "The container ends soon after each start; the kubelet waits longer each time.",
        "next_step": "kubectl -n payments logs worker-7d9c-x2x1 --previous",
        "runbook": "https://runbooks.example.com/crash-loop",
    },
)
PULL = alert(
    WARNING,
    "image-pull",
    "payments/payments/Deployment/ledger",
    0.05,
    "an image of Deployment/ledger cannot be pulled",
    annotations={
        "summary": "an image of Deployment/ledger cannot be pulled",
        "next_step": "kubectl -n payments describe pod ledger-5c8d-klmno",
    },
)
WEB = alert(
    WARNING,
    "image-pull",
    "shop/shop/Deployment/web",
    3.2,
    "an image of Deployment/web cannot be pulled",
    acked_by="ann",
    acked_at=NOW - timedelta(hours=2.9),
)
JOB = alert(WARNING, "job-failed", "data/batch/Job/nightly-report", 4.6, "Job/nightly-report failed for good")
TLS = alert(WARNING, "certificate-not-ready", "edge/edge/Certificate/shop-tls", 75, "Certificate/shop-tls is not ready")
NODE = alert(CRITICAL, "node-not-ready", "edge//Node/n-4", 30, "the kubelet of n-4 has stopped reporting")
LEDGER = alert(CRITICAL, "oom-killed", "payments/payments/Deployment/ledger", 9, "Deployment/ledger was out of memory")
CART = alert(WARNING, "rollout-stuck", "shop/shop/Deployment/cart", 6, "the rollout of Deployment/cart is stuck")
ETL = alert(WARNING, "failed-scheduling", "data/batch/Job/etl", 20, "no node has room for Job/etl")
PARTS = {
    Part.NEW: (CRASH, WEB, JOB),
    Part.STILL_OPEN: (
        replace(TLS, muted_by="silenced until 2026-11-20 18:00 UTC by ann"),
        replace(NODE, is_flapping=True),
    ),
    Part.ENDED: (over(LEDGER, 14), over(CART, 47), over(ETL, 81)),
    Part.CAME_AND_WENT: tuple(
        over(alert(INFO, "not-ready", f"shop/shop/Deployment/api-{n}", 5 + n * 0.3, "not ready"), 2 + n)
        for n in range(7)
    ),
}

FIRING = told(NotificationKind.FIRING, CRASH)
JOINED = told(NotificationKind.UPDATE, replace(CRASH, is_new=False), PULL)
RESOLVED = told(NotificationKind.RESOLVED, over(CRASH, 12), over(PULL, 3))
DIGEST = told(
    NotificationKind.DIGEST,
    *(view for views in PARTS.values() for view in views),
    starts_at=NOW - timedelta(days=1),
    ends_at=NOW,
    sections=tuple(Section(part, len(views), len(views)) for part, views in PARTS.items()),
    suppressed=(Suppressed("the silence of ann", 12), Suppressed("node-not-ready · Node/n-4", 3)),
    undelivered=(Undelivered("oncall-webhook", "unauthorized", 3, is_dead=True),),
)
