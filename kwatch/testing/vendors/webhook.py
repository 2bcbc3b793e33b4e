"""A receiver of webhooks that are signed as https://www.standardwebhooks.com says: it takes any JSON of up to 20 KiB.

The size is what that specification recommends senders to keep; a receiver may take more, this one does not.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from kwatch.clock import Clock
from kwatch.testing.vendors import CANARY, Limit, Refusal, Shown, texts_in

SPECIFICATION = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"
_URL = f"https://hooks.example.com/{CANARY}"
_KEY = b"canary-7f3a91-0000000000"
_MAX_BODY = 20 * 1024
_TOLERANCE = 300  # seconds


class Receiver:
    """Keeps the documents that it takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.documents: list[Any] = []
        self.headers: list[Mapping[str, str]] = []

    keys: Mapping[str, Any] = {
        "url": {"file": "url"},
        "sign": {"file": "key"},
        "headers": {"Authorization": {"file": "token"}},
    }
    secrets: Mapping[str, str] = {
        "url": _URL,
        "key": f"whsec_{base64.b64encode(_KEY).decode()}",
        "token": f"Bearer {CANARY}",
    }
    refusals: Sequence[Refusal] = ()  # the status says it all

    @property
    def limits(self) -> Sequence[Limit]:
        """What a receiver that follows the specification refuses."""
        now = self._clock.now().timestamp()
        at = self._request(b'"' + b"x" * (_MAX_BODY - 2) + b'"')
        return (
            Limit("size", SPECIFICATION, (at,), (self._request(b'"' + b"x" * (_MAX_BODY - 1) + b'"'),), 413),
            Limit("JSON", SPECIFICATION, (at,), (self._request(b"{"),), 400),
            Limit("signature", SPECIFICATION, (at,), (self._request(b"1", key=b"another"),), 401),
            Limit(
                "age of the timestamp",
                SPECIFICATION,
                (self._request(b"1", sent_at=now - _TOLERANCE),),
                (self._request(b"1", sent_at=now - _TOLERANCE - 1),),
                401,
            ),
            Limit("authorisation", SPECIFICATION, (at,), (self._request(b"1", token="Bearer x"),), 401),  # noqa: S106
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the document, unless it is not authorised, not signed, too large or not JSON."""
        body = await request.aread()
        if request.url != _URL:
            return httpx.Response(404)
        if request.headers.get("authorization") != f"Bearer {CANARY}" or not self._is_signed(request, body):
            return httpx.Response(401)
        if len(body) > _MAX_BODY:
            return httpx.Response(413)
        try:
            self.documents.append(json.loads(body))
        except ValueError:
            return httpx.Response(400)
        self.headers.append(dict(request.headers))
        return httpx.Response(204)

    def shown(self) -> list[Shown]:
        """Return the texts of each document."""
        return [
            Shown(id=str(number), text="\n".join(texts_in(document))) for number, document in enumerate(self.documents)
        ]

    def _is_signed(self, request: httpx.Request, body: bytes) -> bool:
        timestamp = request.headers.get("webhook-timestamp", "")
        if not timestamp.isdigit() or abs(self._clock.now().timestamp() - int(timestamp)) > _TOLERANCE:
            return False
        expected = _signature(_KEY, request.headers.get("webhook-id", ""), timestamp, body)
        return expected in request.headers.get("webhook-signature", "").split()

    def _request(
        self, body: bytes, *, key: bytes = _KEY, token: str = f"Bearer {CANARY}", sent_at: float | None = None
    ) -> httpx.Request:
        timestamp = str(int(self._clock.now().timestamp() if sent_at is None else sent_at))
        headers = {
            "Authorization": token,
            "webhook-id": "msg_1",
            "webhook-timestamp": timestamp,
            "webhook-signature": _signature(key, "msg_1", timestamp, body),
        }
        return httpx.Request("POST", _URL, headers=headers, content=body)


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
