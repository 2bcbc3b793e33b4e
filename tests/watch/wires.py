"""A `Wire` that gives prepared answers in order, and says what was asked."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kwatch.cluster.wire import NOTHING, READ_LIMIT

#: In a body: bytes are sent, numbers are seconds of silence, errors are raised.
Step = bytes | float | Exception
FOREVER = 1e9


@dataclass(frozen=True)
class Answer:
    """What one request gets; also a `Response`, once asked."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    read_timeout: float | None = None

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        return b"".join([piece async for piece in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        for step in self.steps:
            if isinstance(step, bytes):
                yield step
            elif isinstance(step, Exception):
                raise step
            else:
                async with asyncio.timeout(self.read_timeout):
                    await asyncio.sleep(step)


@dataclass(frozen=True)
class Asked:
    """One request, and when it came, in seconds of the loop."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float


class ScriptedWire:
    """Answers in order; the request after the last one waits for ever."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.asked: list[Asked] = []
        self._answers = list(answers)

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        timeout: float | None = 30.0,  # noqa: ASYNC109 - of the protocol
        read_timeout: float | None = None,
    ) -> AsyncIterator[Answer]:
        self.asked.append(Asked(path, dict(query), dict(headers), asyncio.get_running_loop().time()))
        if not self._answers:
            await asyncio.sleep(FOREVER)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield Answer(answer.steps, answer.status, answer.headers, read_timeout)


def body_of(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(
        [json.dumps(value).encode()], status, {name.replace("_", "-"): text for name, text in headers.items()}
    )


def failed(code: int, message: str = "no", **headers: str) -> Answer:
    return body_of({"kind": "Status", "metadata": {}, "code": code, "message": message}, code, **headers)


def pod(name: str, version: int, *, uid: str = "", namespace: str = "shop", **body: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    metadata |= body.pop("metadata", {})
    return {"metadata": metadata, **body}


def line(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def bookmark(version: int, *, ends_list: bool = False) -> bytes:
    annotations = {"k8s.io/initial-events-end": "true"} if ends_list else {}
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": annotations}})


def error(code: int) -> bytes:
    return line("ERROR", {"kind": "Status", "metadata": {}, "code": code, "message": "too old", "reason": "Expired"})


def page(*items: dict[str, Any], version: int, more: str = "") -> Answer:
    return body_of({"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)})
