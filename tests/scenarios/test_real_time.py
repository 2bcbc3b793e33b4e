"""Where the trap is in sockets, files or memory, the shipped composition runs in real time (P4, P5, P7, T38)."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from kwatch.app import App
from kwatch.clock import SystemClock
from kwatch.cluster.credentials import load_credentials
from kwatch.cluster.http import AiohttpWire
from kwatch.cluster.wire import Wire
from kwatch.config.load import load
from kwatch.ports import Ports
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.fake import Effect, FakeCluster, FakeWire, Fault, serve, write_kubeconfig
from kwatch.testing.receivers import MailServer, WebhookReceiver
from kwatch.testing.receivers import serve as receive
from kwatch.testing.vendors.slack import Slack, SlackWebhook
from tests.scenarios.plays import BROKEN, pod

DEADLINE = 20.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(DEADLINE):
        while not holds():  # noqa: ASYNC110 - a condition of servers that know no waiting
            await asyncio.sleep(0.01)


@asynccontextmanager
async def living(folder: Path, text: str, wire: Wire) -> AsyncIterator[App]:
    """Run kwatch while the context is open."""
    path = folder / "kwatch.yaml"
    path.write_text(text)
    counters = Counters()
    state = State.open(folder / "state", counters=counters)
    app = App(load(path, environ={}), Ports(wire=wire, cluster="live"), state, counters)
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        async with asyncio.timeout(DEADLINE):
            await app.started.wait()
        yield app
    finally:
        stop.set()
        await task
        state.close()


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[Wire]:
    """Reach an API server while the context is open."""
    wire = AiohttpWire(await load_credentials(kubeconfig, None))
    try:
        yield wire
    finally:
        await wire.close()


def at_once(receivers: str) -> str:
    route = "route: {receiver: team, group_by: [namespace, name], group_wait: 0s}\nreceivers:\n  team:\n"
    return BROKEN + route + receivers


async def rotated(tmp_path: Path) -> None:
    cluster, hook, token = FakeCluster(SystemClock()), WebhookReceiver(), tmp_path / "token"
    cluster.access.set_tokens("first")
    token.write_text("first")
    async with serve(cluster) as url, receive(hook.answer) as target:
        kubeconfig = tmp_path / "kubeconfig"
        write_kubeconfig(kubeconfig, url)
        document = json.loads(kubeconfig.read_text())
        document["users"][0]["user"] = {"tokenFile": str(token)}
        kubeconfig.write_text(json.dumps(document))
        text = at_once(f'    - {{type: webhook, url: "{target}/hook"}}\n')
        async with connected(kubeconfig) as wire, living(tmp_path, text, wire):
            token.write_text("second")
            cluster.access.set_tokens("second")
            cluster.strike(Fault(effect=Effect.DROP))
            cluster.apply(pod("a", "Failed"))
            await until(lambda: len(hook.documents) == 1)


def test_P4_a_token_that_rotates_during_a_watch_is_read_again(tmp_path: Path) -> None:
    asyncio.run(rotated(tmp_path))


async def told_to_all(tmp_path: Path) -> None:
    cluster, hook, mail = FakeCluster(SystemClock()), WebhookReceiver(), MailServer()
    slack = Slack(SystemClock(), token="xoxb-1", channels={"#alerts": "C1", "#more": "C2"})
    token = tmp_path / "token"
    token.write_text("xoxb-1")
    async with receive(hook.answer) as target, receive(slack.answer) as api, mail.serve() as port:
        bot = f'type: slack, token: {{file: {token}}}, api_url: "{api}/api/"'
        address = f"host: localhost, port: {port}, tls: none, from: kwatch@example.com, to: [team@example.com]"
        text = at_once(f"""\
    - {{{bot}, channel: "#alerts"}}
    - {{{bot}, channel: "#more", name: more}}
    - {{type: smtp, {address}}}
    - {{type: webhook, url: "{target}/one"}}
    - {{type: webhook, url: "{target}/two", name: two}}
""")
        async with living(tmp_path, text, FakeWire(cluster)):
            cluster.apply(pod("a", "Failed"))
            await until(lambda: len(hook.requests) == 2 and len(slack.messages) == 2 and len(mail.mails) == 1)
    assert sorted(request.url.path for request in hook.requests) == ["/one", "/two"]
    assert sorted(message.channel for message in slack.messages) == ["C1", "C2"]
    assert mail.mails[0].recipients == ("team@example.com",)


def test_T38_every_destination_of_a_receiver_is_told(tmp_path: Path) -> None:
    asyncio.run(told_to_all(tmp_path))


async def beside_a_blocked_one(tmp_path: Path) -> float:
    """Return the seconds that 20 messages took to Slack and a webhook while the mail server is silent."""
    cluster, hook, slack = FakeCluster(SystemClock()), WebhookReceiver(), SlackWebhook(SystemClock(), burst=21)
    connections: list[Any] = []
    silent = await asyncio.start_server(lambda *streams: connections.append(streams), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    secret = tmp_path / "url"
    loop = asyncio.get_running_loop()
    async with silent, receive(hook.answer) as target, receive(slack.answer) as api:
        secret.write_text(f"{api}{httpx.URL(slack.secrets['url']).path}")
        text = at_once(f"""\
    - {{type: smtp, host: 127.0.0.1, port: {port}, tls: none, from: kwatch@example.com, to: [team@example.com]}}
    - {{type: slack, url: {{file: {secret}}}, pace: {{per_minute: 100000, burst: 100}}}}
    - {{type: webhook, url: "{target}/hook"}}
""")
        async with living(tmp_path, text, FakeWire(cluster)):
            cluster.apply(pod("first", "Failed"))
            await until(lambda: bool(connections))
            began = loop.time()
            for number in range(20):
                cluster.apply(pod(f"p{number}", "Failed"))
            await until(lambda: len(hook.requests) == 21 and len(slack.messages) == 21)
            took = loop.time() - began
            silent.close()
            for _, writer in connections:
                writer.close()
            return took


def test_P7_a_blocked_mail_server_delays_nobody_else(tmp_path: Path) -> None:
    assert asyncio.run(beside_a_blocked_one(tmp_path)) < 10, "the mail server is given up after 30 s"


def realistic(number: int) -> dict[str, Any]:
    """Return a Pod of some 6 KB, as a Deployment's are."""
    container = {
        "name": "main",
        "image": f"registry.example.com/team/service-{number % 200}:1.{number % 50}",
        "env": [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(30)],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
    }
    fields = {"f:spec": {f"f:field{index}": {"f:name": {}, "f:value": {}} for index in range(40)}}
    manifest = pod(f"service-{number % 200}-{number}", ns=f"team-{number % 40}")
    manifest["metadata"] |= {
        "labels": {"app": f"service-{number % 200}", "team": f"team-{number % 40}", "pod-template-hash": "5d4f8c7b9"},
        "annotations": {"checksum/config": f"{number:064x}"},
        "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": fields}],
    }
    status = {"name": "main", "ready": True, "restartCount": number % 3, "state": {"running": {}}}
    conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "PodScheduled")]
    spec = {"nodeName": f"node-{number % 300}", "containers": [container]}
    return manifest | {
        "spec": spec,
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [status]},
    }


async def memory_with_pods(folder: Path, number: int) -> tuple[int, int]:
    """Return the resident and the highest memory in MB of the shipped command that watches so many Pods."""
    cluster = FakeCluster(SystemClock())
    for index in range(number):
        cluster.apply(realistic(index))
    config, kubeconfig = folder / "kwatch.yaml", folder / "kubeconfig"
    config.write_text('web: {listen: "127.0.0.1:0"}\n')
    async with serve(cluster) as url:
        write_kubeconfig(kubeconfig, url)
        options = ("--config", str(config), "--kubeconfig", str(kubeconfig), "--state", str(folder / "state"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kwatch", "run", *options), stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(60):
                await _ready(process)
            return _memory(process.pid, "VmRSS"), _memory(process.pid, "VmHWM")
        finally:
            process.terminate()
            await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    page = ""
    while not page:
        found = re.search(r"Status page: (\S+)", (await process.stderr.readline()).decode())
        page = found[1] if found else ""
    async with httpx.AsyncClient(base_url=page) as client:
        while not _is_complete(await client.get("/readyz")):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


def _is_complete(answer: httpx.Response) -> bool:
    sources = {source["id"] for source in answer.json()["sources"]}
    return answer.status_code == 200 and {"v1/pods", "events.k8s.io/v1/events"} <= sources


def _memory(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) // 1024


def test_P5_ten_thousand_pods_need_less_than_150_mb(tmp_path: Path) -> None:
    resident, highest = asyncio.run(memory_with_pods(tmp_path, 10_000))
    assert resident < 150
    assert highest < 200
