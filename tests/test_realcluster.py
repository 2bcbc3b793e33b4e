"""The real clusters that other tests stand on are there and answer."""

import asyncio
import json
import ssl

import aiohttp
import pytest

from tests.realcluster import RealCluster


def get(cluster: RealCluster, path: str) -> str:
    """Return the body of an answer of the API server."""
    config = json.loads(cluster.kubeconfig.read_text())
    target, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    context = ssl.create_default_context(cafile=target["certificate-authority"])

    async def body() -> str:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(target["server"], headers=headers) as session,
            session.get(path, ssl=context) as answer,
        ):
            return await answer.text()

    return asyncio.run(body())


@pytest.mark.cluster
def test_the_control_plane_is_ready(real_cluster: RealCluster) -> None:
    assert get(real_cluster, "/readyz") == "ok"


@pytest.mark.node
def test_the_node_is_ready(real_node: RealCluster) -> None:
    node = json.loads(get(real_node, "/api/v1/nodes/node-1"))
    ready = next(condition for condition in node["status"]["conditions"] if condition["type"] == "Ready")
    assert ready["status"] == "True"
