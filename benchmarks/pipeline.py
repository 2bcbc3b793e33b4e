"""How fast kwatch is, from bytes on a socket to a decision and to a request on the wire; each figure beside its goal.

    python benchmarks/pipeline.py [--only NAME] [--runs N] [--json] [--folder PATH]

It measures the shipped command with the shipped settings, in a process of its own; so are the API server (`feeder`)
and the receiver. CPU time is what the kernel counts for kwatch's threads. The folder should be on the disk that is
meant: on a RAM disk an fsync costs nothing. `benchmarks/README.md` says what each figure is.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rig import HERE, RULES, Cpu, configuration, rig, total

from kwatch.store.schema import open_database

Figures = Mapping[str, float]

THROUGHPUT_EVENTS = 120_000
PACED_EVENTS, PACED_RATE = 60_000, 20_000
WIRE_MESSAGES, WIRE_RATE = 200, 100
BURST_MESSAGES = 4000
LISTED_EVENTS = 50_000
TRACKED_PODS, UPDATED_PODS = 50_000, 20_000
#: Beside the kinds that the default packs need: 20 watches in all.
RESOURCES = (
    "Service",
    "Secret",
    "ServiceAccount",
    "Endpoints",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "ResourceQuota",
    "LimitRange",
    "DaemonSet",
    "StatefulSet",
    "CronJob",
    "Ingress",
    "NetworkPolicy",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "StorageClass",
    "Role",
    "RoleBinding",
    "ConfigMap",
)
WATCHES = 20
#: The least that can be said: a name, as a Pod must, and a port that is free.
IDLE = {"cluster": "benchmark", "web": {"listen": "127.0.0.1:0"}, "log": {"format": "json"}}


class Goal(NamedTuple):
    """What a figure should be: at most, or at least."""

    text: str
    limit: float
    is_least: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.is_least else value <= self.limit


#: Figure → its goal; those without one are for information.
GOALS = {
    "events_per_s": Goal("≥ 40,000", 40_000, is_least=True),
    "loop_us_per_event": Goal("≤ 13", 13),
    "cpu_us_per_event": Goal("≤ 25", 25),
    "decided_p99_ms": Goal("≤ 10", 10),
    "wire_p50_ms": Goal("≤ 3", 3),
    "wire_p99_ms": Goal("≤ 8", 8),
    "messages_per_s": Goal("≥ 2,000", 2000, is_least=True),
    "messages_per_s_by_4": Goal("≥ 2,000", 2000, is_least=True),
    "events_listed_s": Goal("≤ 5", 5),
    "old_events_told": Goal("0", 0),
    "pods_cold_start_s": Goal("≤ 3", 3),
    "pod_update_us": Goal("≤ 60", 60),
    "rss_idle_mb": Goal("≤ 70", 70),
    "rss_idle_kubeconfig_mb": Goal("≤ 70", 70),
    "rss_pods_mb": Goal("≤ 150", 150),
}


async def throughput(folder: Path) -> Figures:
    """As fast as they are taken: 50 rules, one Event in fifty a finding."""
    async with rig(folder) as running:
        await running.log_line('"watching"')
        await running.mark(0)
        before = await running.metrics()
        start = running.cpu()
        running.order(what="events", count=THROUGHPUT_EVENTS)
        began = await running.heard("began", "events")
        end = await running.mark(1)
        used = running.cpu() - start
        after = await running.metrics()
    seconds = end.at / 1e9 - began
    decided = total(after, "observations") - total(before, "observations")
    if decided < THROUGHPUT_EVENTS:
        raise SystemExit(f"{decided} of {THROUGHPUT_EVENTS} Events decided")
    return {
        "events_per_s": THROUGHPUT_EVENTS / seconds,
        "loop_us_per_event": used.loop / THROUGHPUT_EVENTS * 1e6,
        "cpu_us_per_event": used.threads / THROUGHPUT_EVENTS * 1e6,
        "commits_per_s": (total(after, "commits") - total(before, "commits")) / seconds,
    }


async def paced(folder: Path) -> Figures:
    """20,000 Events a second: from sending to decision."""
    result = folder / "latency.json"
    async with rig(folder, command=(str(HERE / "measured.py"), str(result))) as running:
        await running.log_line('"watching"')
        before = await running.metrics()
        running.order(what="events", count=PACED_EVENTS, rate=PACED_RATE)
        began = await running.heard("began", "events")
        end = await running.mark(0)
        after = await running.metrics()
        await running.stop()
        measured = json.loads(result.read_text())
    seconds = end.at / 1e9 - began
    return {
        "decided_p50_ms": measured["p50_ms"],
        "decided_p99_ms": measured["p99_ms"],
        "commits_per_s_paced": (total(after, "commits") - total(before, "commits")) / seconds,
    }


async def wire(folder: Path) -> Figures:
    """An idle kwatch: from an Event's sending to its webhook's request, a durable commit between them."""
    async with rig(folder) as running:
        await running.log_line('"watching"')
        running.order(what="marks", count=WIRE_MESSAGES, rate=WIRE_RATE)
        arrivals = await running.told(WIRE_MESSAGES)
        times = [(each.at - each.sent) / 1e6 for each in arrivals]
    cuts = statistics.quantiles(times[10:], n=100)
    return {"wire_p50_ms": cuts[49], "wire_p99_ms": cuts[98]}


async def messages(folder: Path) -> Figures:
    """A burst in which each Event is told by a message of its own, to one fast receiver; as shipped one at a time."""
    seconds, used = await _burst(folder, configuration)
    return {"messages_per_s": BURST_MESSAGES / seconds, "cpu_us_per_message": used.threads / BURST_MESSAGES * 1e6}


async def messages_by_4(folder: Path) -> Figures:
    """The same burst, four messages at a time."""

    def configured(url: str) -> dict[str, Any]:
        return {**configuration(url), "receivers": {"hook": [{"type": "webhook", "url": url, "concurrency": 4}]}}

    seconds, used = await _burst(folder, configured)
    microseconds = used.threads / BURST_MESSAGES * 1e6
    return {"messages_per_s_by_4": BURST_MESSAGES / seconds, "cpu_us_per_message_by_4": microseconds}


async def _burst(folder: Path, configured: Callable[[str], dict[str, Any]]) -> tuple[float, Cpu]:
    async with rig(folder, pods=BURST_MESSAGES + 1, configured=configured) as running:
        await running.log_line('"watching"')
        await running.mark(BURST_MESSAGES)
        start = running.cpu()
        running.order(what="marks", count=BURST_MESSAGES)
        arrivals = await running.told(BURST_MESSAGES + 1)
        used = running.cpu() - start
    return arrivals[-1].at / 1e9 - arrivals[1].sent / 1e9, used


async def listed(folder: Path) -> Figures:
    """The first list brings 50,000 Events of the last hour, a thousand of which a rule would tell."""
    async with rig(folder, events=LISTED_EVENTS) as running:
        opened = await running.heard("opened", "/apis/events.k8s.io/v1/events")
        in_sync, _ = await running.log_line('"watching"')
        await asyncio.sleep(1)
        return {"events_listed_s": in_sync - opened, "old_events_told": len(running.arrivals)}


async def pods(folder: Path) -> Figures:
    """50,000 Pods and 20 watches: the first list, what is kept, and updates of 20,000 of them."""
    async with rig(folder, pods=TRACKED_PODS, resources=RESOURCES) as running:
        opened = await running.heard("opened", "/api/v1/pods")
        in_sync, line = await running.log_line('"watching"')
        watches = json.loads(line)["sources"]
        if watches < WATCHES:
            raise SystemExit(f"{watches} watches, not {WATCHES}")
        await asyncio.sleep(1)
        steady, peak = running.memory(), running.memory("VmHWM")
        start = running.cpu()
        running.order(what="pods", count=UPDATED_PODS)
        running.order(what="pods", first=UPDATED_PODS, count=1, state="mark")
        await running.told(1)
        used = running.cpu() - start
    return {
        "pods_cold_start_s": in_sync - opened,
        "pod_update_us": used.loop / UPDATED_PODS * 1e6,
        "rss_pods_mb": steady,
        "rss_pods_peak_mb": peak,
    }


async def idle(folder: Path) -> Figures:
    """The shipped command without a configuration: with a kubeconfig, and as in a Pod, where none has to be read."""
    return {
        "rss_idle_mb": await _idle(folder / "pod", (str(HERE / "in_pod.py"),)),
        "rss_idle_kubeconfig_mb": await _idle(folder / "kubeconfig", ("-m", "kwatch")),
    }


async def _idle(folder: Path, command: tuple[str, ...]) -> float:
    async with rig(folder, pods=0, command=command, configured=lambda _: IDLE) as running:
        await running.log_line('"watching"')
        await asyncio.sleep(2)
        return running.memory()


SCENARIOS: Mapping[str, Callable[[Path], Awaitable[Figures]]] = {
    "throughput": throughput,
    "paced": paced,
    "wire": wire,
    "messages": messages,
    "messages_by_4": messages_by_4,
    "listed": listed,
    "pods": pods,
    "idle": idle,
}


def settings(folder: Path, runs: int) -> dict[str, str | int]:
    """Return under what conditions the figures hold."""
    connection = open_database(folder / "settings.db")
    synchronous = ("OFF", "NORMAL", "FULL", "EXTRA")[int(connection.pragma("synchronous"))]
    journal = str(connection.pragma("journal_mode"))
    connection.close()
    return {
        "synchronous": synchronous,
        "journal": journal,
        "rules": f"{RULES}: the default packs, and others",
        "receiver": "webhook, group_wait 0, as shipped; by 4: with concurrency 4",
        "python": platform.python_version(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
        "disk": _disk(folder / "synced"),
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "runs": runs,
    }


def _disk(path: Path) -> str:
    """Return how long the disk alone takes for what each durable commit asks of it."""
    milliseconds = []
    with path.open("wb") as file:
        for _ in range(300):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            milliseconds.append((time.perf_counter() - began) * 1e3)
    cuts = statistics.quantiles(milliseconds, n=100)
    return f"fdatasync p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def measure(names: list[str], runs: int, folder: Path, console: Console) -> dict[str, list[float]]:
    """Return the values of each figure, one per run."""
    found: dict[str, list[float]] = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("starting", total=runs * len(names))
        for run in range(runs):
            for name in names:
                progress.update(task, description=f"{name}, run {run + 1}")
                figures = asyncio.run(_scenario(name, folder / f"{name}-{run}"))
                for figure, value in figures.items():
                    found.setdefault(figure, []).append(value)
                progress.advance(task)
    return found


async def _scenario(name: str, folder: Path) -> Figures:
    return await SCENARIOS[name](folder)


def table_of(found: Mapping[str, list[float]]) -> Table:
    table = Table("figure", "median", "least", "most", "goal", "")
    for column in table.columns[1:4]:
        column.justify = "right"
    for name, values in found.items():
        median, goal = statistics.median(values), GOALS.get(name)
        verdict = "" if goal is None else "[green]met" if goal.is_met(median) else "[red]missed"
        spread = [_shown(value) for value in (median, min(values), max(values))]
        table.add_row(name, *spread, goal.text if goal else "", verdict)
    return table


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def document_of(found: Mapping[str, list[float]], conditions: Mapping[str, str | int]) -> dict[str, object]:
    """Return everything as JSON has it."""
    figures = {}
    for name, values in found.items():
        median, goal = statistics.median(values), GOALS.get(name)
        figures[name] = {"median": median, "values": values}
        if goal is not None:
            figures[name] |= {"goal": goal.text, "met": goal.is_met(median)}
    return {"settings": dict(conditions), "figures": figures}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure kwatch from end to end.")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario alone; may be repeated")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(), help="where state is kept meanwhile")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    with tempfile.TemporaryDirectory(dir=arguments.folder.resolve(), prefix=".benchmark-") as name:
        conditions = settings(Path(name), arguments.runs)
        found = measure(arguments.only or list(SCENARIOS), arguments.runs, Path(name), console)
    if arguments.json:
        json.dump(document_of(found, conditions), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    console.print(table_of(found))
    console.print("\n".join(f"{name}: {value}" for name, value in conditions.items()), highlight=False)


if __name__ == "__main__":
    main()
