"""The fake API server answers as a real one: the same requests to both in the same run, compared field by field."""

import asyncio
import json
import secrets
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from yarl import URL

from kwatch.clock import SystemClock
from kwatch.testing.fake import FakeCluster, serve
from tests.realcluster import RealCluster
from tests.testing.likeness import CRDS, TABLE_OF_REQUESTS, Step, comparable, filled, learned

pytestmark = pytest.mark.cluster

Answers = Mapping[str, Any]


async def run_table(url: str, token: str, context: ssl.SSLContext | None, names: Mapping[str, str]) -> Answers:
    """Send every request in order; return the comparable answers by step."""
    known, answers = dict(names), {}
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(ssl=context or False)
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector, timeout=timeout) as session:
        for step in TABLE_OF_REQUESTS:
            if step.id == "crd-established":
                await established(session, filled("/apis/{group}/v1", known))
            status, content_type, body = await send(session, step, known)
            known |= learned(step, body)
            answers[step.id] = comparable(status, content_type, body)
        await session.delete(filled(f"{CRDS}/widgets.{{group}}", known))
    return answers


async def send(session: aiohttp.ClientSession, step: Step, known: Mapping[str, str]) -> tuple[int, str, bytes]:
    body = step.body if isinstance(step.body, str | None) else json.dumps(step.body)
    content = None if body is None else filled(body, known).encode()
    url = URL(filled(step.path, known), encoded=True)
    async with session.request(step.method, url, data=content, headers=step.headers) as answer:
        return answer.status, answer.headers.get("Content-Type", ""), await answer.read()


async def established(session: aiohttp.ClientSession, path: str) -> None:
    """Wait until a definition is served; a real server takes a moment."""
    async with asyncio.timeout(10):
        while True:
            async with session.get(path) as answer:
                if answer.status == 200:
                    return


async def run_both(config: Mapping[str, Any]) -> tuple[Answers, Answers]:
    run = secrets.token_hex(3)
    names = {"ns": f"likeness-{run}", "group": f"likeness-{run}.example.com"}
    target, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cafile=target["certificate-authority"])
    async with serve(FakeCluster(SystemClock())) as url:
        return await asyncio.gather(
            run_table(url, "", None, names), run_table(target["server"], user["token"], context, names)
        )


@pytest.fixture(scope="module")
def answers(real_cluster: RealCluster) -> tuple[Answers, Answers]:
    """What the fake and the real server answered."""
    return asyncio.run(run_both(json.loads(real_cluster.kubeconfig.read_text())))


@pytest.mark.parametrize("step", [step.id for step in TABLE_OF_REQUESTS])
def test_answers_like_a_real_server(answers: tuple[Answers, Answers], step: str) -> None:
    fake, real = answers
    assert fake[step] == real[step]


async def checked_fields(url: str, token: str, context: ssl.SSLContext | None) -> Mapping[str, Any]:
    """Return, by path, the kind whose PATCH checks fields, as kubectl reads it from /openapi/v3."""
    connector = aiohttp.TCPConnector(ssl=context or False)
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}, connector=connector) as session:
        found = {}
        for name in ("api/v1", "apis/apps/v1", "apis/batch/v1", "apis/coordination.k8s.io/v1"):
            async with session.get("/openapi/v3") as index:
                place = (await index.json(content_type=None))["paths"][name]["serverRelativeURL"]
            async with session.get(URL(place, encoded=True)) as answer:
                paths = (await answer.json(content_type=None))["paths"]
            for path, operations in paths.items():
                names = [each["name"] for each in operations.get("patch", {}).get("parameters", ())]
                if "fieldValidation" in names and path.endswith("/{name}"):
                    found[path] = operations["patch"]["x-kubernetes-group-version-kind"]
        return found


def test_kubectl_is_told_of_the_same_kinds_that_their_fields_are_checked(real_cluster: RealCluster) -> None:
    config = json.loads(real_cluster.kubeconfig.read_text())
    target, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cafile=target["certificate-authority"])

    async def both() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        async with serve(FakeCluster(SystemClock())) as url:
            return await asyncio.gather(
                checked_fields(url, "", None), checked_fields(target["server"], user["token"], context)
            )

    fake, real = asyncio.run(both())
    assert fake == real
