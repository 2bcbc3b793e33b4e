"""The fake API server refuses and forgets as a real one does: 401, 403, and 410 in its forms."""

import asyncio
import json
import secrets
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from yarl import URL

from kwatch.clock import SystemClock
from kwatch.testing.fake import FakeCluster, serve
from tests.realcluster import RealCluster
from tests.testing.likeness import METADATA, comparable

pytestmark = pytest.mark.cluster

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
PODS = "/api/v1/namespaces/default/pods"
REFUSED = (
    ("GET", "/api/v1/pods"),
    ("GET", PODS),
    ("GET", PODS + "/x"),
    ("GET", "/api/v1/pods?watch=true&timeoutSeconds=1"),
    ("GET", "/apis/apps/v1/deployments"),
    ("DELETE", "/api/v1/nodes/x"),
    ("PATCH", PODS + "/x/status"),
    ("GET", "/apis/apps"),
)
#: {"v":"meta.k8s.io/v1","rv":2,"start":"x\u0000"}
TOKEN = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJ4XHUwMDAwIn0"
WATCH = "?watch=true&timeoutSeconds=1&resourceVersion=2"


class Server:
    """One of the two servers, seen by HTTP."""

    def __init__(self, url: str, token: str, context: ssl.SSLContext | None) -> None:
        self.token = token
        self._url, self._ssl = url, context or False

    async def ask(self, method: str, path: str, accept: str = "", body: Any = None) -> tuple[int, str, bytes]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/merge-patch+json"}
        headers |= {"Accept": accept} if accept else {}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        content = json.dumps(body or {}).encode() if method in ("POST", "PATCH") else None
        async with (
            aiohttp.ClientSession(self._url, headers=headers, timeout=aiohttp.ClientTimeout(total=20)) as session,
            session.request(method, URL(path, encoded=True), data=content, ssl=self._ssl) as answer,
        ):
            return answer.status, answer.headers.get("Content-Type", ""), await answer.read()

    async def answer(self, method: str, path: str, accept: str = "") -> Any:
        return comparable(*await self.ask(method, path, accept))


def real_server(cluster: RealCluster) -> Server:
    config = json.loads(cluster.kubeconfig.read_text())
    target = config["clusters"][0]["cluster"]
    context = ssl.create_default_context(cafile=target["certificate-authority"])
    return Server(target["server"], config["users"][0]["user"]["token"], context)


def test_a_wrong_token_is_refused_alike(real_cluster: RealCluster) -> None:
    async def body() -> tuple[Any, Any]:
        cluster = FakeCluster(SystemClock())
        cluster.access.set_tokens("right")
        real = real_server(real_cluster)
        real.token = "wrong"
        async with serve(cluster) as url:
            return await Server(url, "wrong", None).answer("GET", PODS), await real.answer("GET", PODS)

    fake, real = asyncio.run(body())
    assert fake == real


async def account(real: Server, name: str) -> str:
    """Make a service account without rights; return a token of it."""
    path = "/api/v1/namespaces/default/serviceaccounts"
    await real.ask("POST", path, body={"metadata": {"name": name}})
    _, _, answer = await real.ask("POST", f"{path}/{name}/token", body={"spec": {}})
    return str(json.loads(answer)["status"]["token"])


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_what_is_forbidden_is_refused_alike(real_cluster: RealCluster, method: str, path: str) -> None:
    async def body() -> tuple[Any, Any]:
        name = f"weak-{secrets.token_hex(3)}"
        cluster = FakeCluster(SystemClock())
        cluster.access.user = f"system:serviceaccount:default:{name}"
        cluster.access.forbid("*", "*")
        real = real_server(real_cluster)
        real.token = await account(real, name)
        async with serve(cluster) as url:
            return await Server(url, "", None).answer(method, path), await real.answer(method, path)

    fake, real = asyncio.run(body())
    assert fake == real


FORGOTTEN: Mapping[str, tuple[str, str]] = {
    "watch": (LEASES + WATCH, ""),
    "watch-metadata": (PODS + WATCH, METADATA),
    "watch-events": ("/api/v1/namespaces/default/events" + WATCH, ""),
    "watch-new-events": ("/apis/events.k8s.io/v1/namespaces/default/events" + WATCH, ""),
    "list-exact": (LEASES + "?resourceVersion=2&resourceVersionMatch=Exact", ""),
    # {"v":"meta.k8s.io/v1","rv":2,"start":"x\u0000"}
    "list-continued": (
        LEASES + "?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJ4XHUwMDAwIn0",
        "",
    ),
}


@pytest.fixture(scope="module")
def forgetful(real_cluster: RealCluster) -> Server:
    """A real API server whose history is gone: etcd compacted, the watch caches filled anew."""
    compact(real_cluster)
    real_cluster.run("restart", "kube-apiserver")
    real = real_server(real_cluster)
    asyncio.run(until_ready(real))
    return real


def compact(cluster: RealCluster) -> None:
    """Compact etcd to its newest revision, through its HTTP gateway."""
    argv = json.loads((cluster.folder / "etcd.argv").read_text())
    gateway = argv[argv.index("-client-url") + 1] + "/v3/kv"
    revision = post(f"{gateway}/range", {"key": "AA=="})["header"]["revision"]
    post(f"{gateway}/compaction", {"revision": revision, "physical": True})


def post(url: str, body: Mapping[str, Any]) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(body).encode()), timeout=10) as answer:
        return json.loads(answer.read())


async def until_ready(server: Server) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await server.ask("GET", "/readyz"))[0] == 200:
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)  # nobody listens yet


@pytest.mark.parametrize("case", FORGOTTEN)
def test_what_is_compacted_is_gone_alike(forgetful: Server, case: str) -> None:
    path, accept = FORGOTTEN[case]

    async def body() -> tuple[Any, Any]:
        cluster = FakeCluster(SystemClock())
        cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})
        cluster.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x"}})
        cluster.compact()
        async with serve(cluster) as url:
            return await Server(url, "", None).answer("GET", path, accept), await forgetful.answer("GET", path, accept)

    fake, real = asyncio.run(body())
    assert fake == real
