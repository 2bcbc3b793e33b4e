"""How long a message takes: µs per rendering per channel, a user's template, and the worst of the attacks on it.

python benchmarks/render.py [--json] [--rounds N]
"""

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import httpx

from kwatch.clock import SystemClock
from kwatch.errors import TemplateError
from kwatch.model.alerts import AlertState, AlertView
from kwatch.model.notifications import Content, Notification, NotificationKind, Thread
from kwatch.model.rules import Severity
from kwatch.notify.base import Tools
from kwatch.notify.context import context_of
from kwatch.notify.render import TemplateEngine

NOW = datetime(2026, 3, 1, 14, 14, tzinfo=UTC)
CONFIGS = {
    "stdout": {},
    "webhook": {"url": "https://hooks.example.com/in"},
    "slack": {"token": {"env": "TOKEN"}, "channel": "#alerts"},
    "smtp": {"host": "mail.example.com", "from": "kwatch@example.com", "to": "team@example.com"},
}
TEMPLATE = """{{ glyph }} {{ severity | upper }} {{ place }}
{% for alert in alerts %}{{ loop.index }}. {{ alert.rule }}: {{ alert.cause }} ({{ alert.since }})
{% endfor %}{{ labels.team | default('nobody') }}"""
ATTACKS = {
    "doubling": "{% set s = 'xxxxxxxxxxxxxxxx' %}" + "{% set s = s ~ s %}" * 400,
    "loops": "{% for a in n %}" * 6 + "x" + "{% endfor %}" * 6,
    "filters": "{% set s = 'xxxxxxxxxxxxxxxx' %}"
    + "{% set s = s ~ s %}" * 11
    + "{% set t = s | upper | title %}" * 400,
    "empty loops": "{% set s = 'xxxxxxxxxxxxxxxx' %}"
    + "{% set s = s ~ s %}" * 11
    + "{% for c in s if false %}{% endfor %}" * 300,
}


def sample(alerts: int) -> Notification:
    """Return a notification about crash loops."""
    labels = {
        "namespace": "payments",
        "kind": "Pod",
        "name": "worker-7d9c-x2x1",
        "workload": "Deployment/worker",
        "node": "n-17",
    }
    view = AlertView(
        fingerprint="7qf3zk2m5x4w6y1a9bcdefghij",
        episode=1,
        rule="crash-loop",
        state=AlertState.FIRING,
        severity=Severity.CRITICAL,
        labels=labels,
        annotations={
            "summary": "{{ workload }} keeps crashing",
            "next_step": "kubectl -n {{ namespace }} logs {{ name }}",
        },
        message="Back-off restarting failed container worker in pod worker-7d9c-x2x1",
        details={},
        count=43,
        window_count=30,
        starts_at=NOW - timedelta(minutes=12),
    )
    content = Content(
        kind=NotificationKind.FIRING,
        cluster="prod-eu",
        receiver="team",
        severity=Severity.CRITICAL,
        group_labels={"namespace": "payments"},
        alerts=(view,) * alerts,
        alert_count=alerts,
        firing_count=alerts,
        starts_at=view.starts_at,
    )
    return Notification(
        id="n1",
        destination="team",
        incident="kw/g/1",
        sequence=1,
        kind=content.kind,
        severity=content.severity,
        content=content,
        created_at=NOW,
    )


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median of the rounds, after a first one that fills caches."""
    work()
    times = []
    for _ in range(rounds):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return round(statistics.median(times) * 1e6, 1)


def attack_milliseconds(engine: TemplateEngine, template: str) -> float:
    """Return how long a hostile template keeps its thread, compiling included."""
    before = time.perf_counter()
    try:
        engine.for_message().render(template, {"n": list(range(60))})
    except TemplateError:
        pass
    return round((time.perf_counter() - before) * 1e3, 1)


def measure(rounds: int) -> dict[str, float]:
    """Return all figures by name."""
    engine = TemplateEngine(SystemClock())
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    tools = Tools(
        clock=SystemClock(),
        templates=engine,
        transport=lambda _: transport,
        instance="bench",
        secret="s",
        stdout=io.StringIO(),
    )
    figures: dict[str, float] = {}
    for kind, keys in CONFIGS.items():
        module = import_module(f"kwatch.notify.channels.{kind}")
        channel = module.create(module.Config.model_validate({"type": kind, **keys}), tools)
        for alerts in (1, 10):
            notification = sample(alerts)
            name = f"{kind}, {alerts} alert{'s' if alerts > 1 else ''}, µs"
            figures[name] = microseconds(lambda: channel.render(notification, Thread(), degraded=False), rounds)  # noqa: B023
    context = context_of(sample(10), "UTC", engine.for_message()).context
    figures["user's template, 10 alerts, µs"] = microseconds(
        lambda: engine.for_message().render(TEMPLATE, context), rounds
    )
    for name, template in ATTACKS.items():
        figures[f"attack: {name}, ms"] = attack_milliseconds(engine, template)
    return figures


def main() -> None:
    """Print the figures as a table or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    figures = measure(options.rounds)
    if options.json:
        json.dump(figures, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        for name, value in figures.items():
            print(f"{name:40} {value:10,.1f}")


if __name__ == "__main__":
    main()
