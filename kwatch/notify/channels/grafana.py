"""Grafana IRM, the successor of Grafana OnCall: a formatted webhook.

The contract: https://grafana.com/docs/grafana-cloud/alerting-and-irm/irm/configure/integrations/webhooks/
incoming-webhooks/oncall-webhooks/; its templates may read `severity` and `labels` beside the fields that it knows, as
routes are written with them. What is sent again joins the alert group of its `alert_uid`. There is nothing to
acknowledge with: who has acknowledged is told as an alert of the group.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from kwatch.errors import Failure, Reason, SendError
from kwatch.notify import calls
from kwatch.notify.base import Channel, ChannelConfig, SecretUrl, Tools
from kwatch.notify.calls import Call, CallByCall
from kwatch.notify.compose import Composition
from kwatch.notify.escape import fit, plain
from kwatch.notify.http import Reply, classify, failed
from kwatch.notify.incidents import Act, Step

_MAX_TITLE: Final = 500
_MAX_MESSAGE: Final = 16_000
_MAX_PLAIN: Final = 500


class Config(ChannelConfig):
    """The keys of `type: grafana`."""

    pages: ClassVar[bool] = True
    limited_by: ClassVar[tuple[str, ...]] = ("url",)

    #: The URL of the integration: who has it may send.
    url: SecretUrl


class Grafana(CallByCall):
    """Sends the alerts of a notification."""

    def __init__(self, config: Config, tools: Tools) -> None:
        super().__init__(config, tools)
        self._config = config
        self._read = tools.read

    def call(self, step: Step, texts: Composition, *, degraded: bool) -> Call:
        """Return the alert of a step."""
        return Call(step.key, step.act, "", alert(step, texts, degraded=degraded))

    async def post(self, call: Call) -> None:
        failure = verdict(await self._client.send_json("POST", self._read(self._config.url), call.content))
        if failure is not None:
            raise failure


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Grafana(config, tools)


def verdict(reply: Reply) -> SendError | None:
    """Return what an answer means; a page, as of a login, is no success. Pure."""
    failure = classify(reply)
    if failure is None and reply.body.lstrip().startswith(b"<"):
        return failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is a page, not Grafana's")
    return failure


def alert(step: Step, texts: Composition, *, degraded: bool) -> Mapping[str, Any]:
    """Return the alert of a step. Pure."""
    context = texts.context
    message = calls.text(texts, is_closed_by_hand=step.is_closed_by_hand)
    return {
        "alert_uid": step.key,
        "state": "ok" if step.act is Act.CLOSE else "alerting",
        "title": fit(calls.headline(texts), _MAX_TITLE, plain),
        "message": fit(message, _MAX_PLAIN if degraded else _MAX_MESSAGE, plain),
        "link_to_upstream_details": context["url"] or next(iter(calls.runbooks(texts)), ""),
        "severity": step.severity.word,
        "labels": calls.labels(texts),
    }
