"""The fake cluster behind a socket: what only a socket shows."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from kubernetes import client, config

from kwatch.clock import SystemClock
from kwatch.testing.fake import Effect, FakeCluster, Fault, Tls, serve, write_kubeconfig
from kwatch.testing.fake.load import BLOCK, Load

Act = Callable[[FakeCluster, aiohttp.ClientSession], Awaitable[Any]]


def served(act: Act) -> Any:
    """Run `act` against a server in this process."""

    async def body() -> Any:
        cluster = FakeCluster(SystemClock())
        timeout = aiohttp.ClientTimeout(total=20)
        async with serve(cluster) as url, aiohttp.ClientSession(url, timeout=timeout) as session:
            return await act(cluster, session)

    return asyncio.run(body())


def test_a_drop_resets_the_connection() -> None:
    async def act(cluster: FakeCluster, session: aiohttp.ClientSession) -> int:
        cluster.faults.add(Fault(effect=Effect.DROP, times=2))  # aiohttp's client tries a GET a second time
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get("/api/v1/pods")
        async with session.get("/api/v1/pods") as response:
            return response.status

    assert served(act) == 200


def test_a_truncated_stream_breaks_off() -> None:
    async def act(cluster: FakeCluster, session: aiohttp.ClientSession) -> bytes:
        cluster.faults.add(Fault(effect=Effect.TRUNCATE, after=1))
        async with session.get("/api/v1/namespaces?watch=true") as response:
            first = await response.content.readline()
            with pytest.raises(aiohttp.ClientError):
                await response.content.read()
            return first

    assert json.loads(served(act))["object"]["metadata"]["name"] == "default"


def test_a_stream_flows_as_things_happen() -> None:
    async def act(cluster: FakeCluster, session: aiohttp.ClientSession) -> bytes:
        async with session.get("/api/v1/pods?watch=true") as response:
            cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}})
            return await response.content.readline()

    assert json.loads(served(act))["object"]["metadata"]["name"] == "a"


def test_a_client_that_hangs_up_closes_its_watch() -> None:
    async def act(cluster: FakeCluster, session: aiohttp.ClientSession) -> tuple[int, int]:
        async with session.get("/api/v1/pods?watch=true"):
            open_ones = len(cluster.watches)
        async with asyncio.timeout(10):
            while cluster.watches:
                await session.get("/healthz")
        return open_ones, len(cluster.watches)

    assert served(act) == (1, 0)


def test_long_lists_are_compressed() -> None:
    async def act(cluster: FakeCluster, session: aiohttp.ClientSession) -> Any:
        data = {"text": "x" * 200_000}
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
        async with session.get("/api/v1/configmaps") as response:
            return response.headers.get("Content-Encoding"), len((await response.json())["items"][0]["data"]["text"])

    assert served(act) == ("gzip", 200_000)


def test_a_kubeconfig_leads_to_the_server_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def body() -> int:
        cluster = FakeCluster(SystemClock())
        cluster.access.set_tokens("secret")
        tls = Tls(context, tmp_path / "ca.crt")
        async with serve(cluster, tls=tls) as url:
            write_kubeconfig(tmp_path / "kubeconfig", url, token="secret", tls=tls)
            return await asyncio.to_thread(list_pods, tmp_path / "kubeconfig")

    assert asyncio.run(body()) == 200


def list_pods(kubeconfig: Path) -> int:
    """List Pods with the official client; return the status."""
    configuration = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    with client.ApiClient(configuration) as api:
        _, status, _ = client.CoreV1Api(api).list_pod_for_all_namespaces_with_http_info()
        return int(status)


def test_a_load_sends_distinct_events_from_the_version_asked_for() -> None:
    async def act(cluster: FakeCluster, session: aiohttp.ClientSession) -> Any:
        base = cluster.store.version
        Load(cluster, events=2 * BLOCK, rate=None).attach()
        path = "/apis/events.k8s.io/v1/events?watch=true&resourceVersion="
        async with session.get(f"{path}{base + BLOCK}") as response:
            lines = [await response.content.readline() for _ in range(BLOCK)]
        names = [json.loads(line)["object"]["metadata"]["name"] for line in lines]
        return len(set(names)), names[0], cluster.store.version - base

    assert served(act) == (200, "checkout-api-0c8.00000000000000c8", 400)
