"""The ping of the dead-man's switch: a GET that any such service takes, and a word of success or why there is none.

Healthchecks.io (https://healthchecks.io/docs/http_api/), Dead Man's Snitch
(https://deadmanssnitch.com/docs/guides/snitches), Cronitor (https://cronitor.io/docs/telemetry-api), Better Stack
(https://betterstack.com/docs/uptime/cron-and-heartbeat-monitor/) and Uptime Kuma take a GET without a body.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath

from kwatch.notify.base import (
    ChannelConfig,
    Duration,
    ProxyUrl,
    Secret,
    SecretUrl,
    Tools,
)
from kwatch.notify.http import HttpClient, classify
from kwatch.notify.urls import check_url_address, parse_url


def _check_url(value: str) -> str:
    check_url_address(value)
    url = parse_url(value)
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise ValueError("not a URL; write https://…, without a user")
    return value


def _at_least(value: timedelta) -> timedelta:
    if value < timedelta(seconds=10):
        raise ValueError("must be at least 10s")
    return value


class HeartbeatWords(BaseModel):
    """`heartbeat`: what is pinged while kwatch works from end to end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Who misses the ping, as a URL or a secret.
    url: SecretUrl | Annotated[str, AfterValidator(_check_url)]
    #: How often; services wait a little longer before they call.
    every: Annotated[Duration, AfterValidator(_at_least)] = timedelta(minutes=1)
    #: As of a destination.
    timeout: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=10)
    proxy: ProxyUrl | None = None
    ca: FilePath | None = None


class Ping:
    """Pings one URL."""

    def __init__(self, words: HeartbeatWords, tools: Tools) -> None:
        self.words = words
        self.timeout = words.timeout.total_seconds()
        config = ChannelConfig(type="heartbeat", timeout=words.timeout, proxy=words.proxy, ca=words.ca)
        self._client = HttpClient(config, tools)
        self._read = tools.read

    async def send(self) -> None:
        """Ping once; raise SendError where that was no success."""
        url = self._read(self.words.url) if isinstance(self.words.url, Secret) else self.words.url
        failure = classify(await self._client.send("GET", url, b"", {}))
        if failure is not None:
            raise failure

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
