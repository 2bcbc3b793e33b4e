"""incident.io: alerts of an HTTP alert source.

The contract: https://docs.incident.io/api-reference/alert-events-v2/createhttp. There is one alert for a
`deduplication_key` for ever, so the key holds the episode; what somebody has resolved there by hand stays so until the
next. There is nothing to acknowledge with: who has acknowledged is told as an event of the alert.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from kwatch.errors import Failure, Reason, SendError
from kwatch.notify import calls
from kwatch.notify.base import Channel, ChannelConfig, Secret, Tools
from kwatch.notify.calls import Call, CallByCall
from kwatch.notify.compose import Composition
from kwatch.notify.escape import cut, fit, markdown
from kwatch.notify.http import Reply, classify, document_of, failed
from kwatch.notify.incidents import Act, Step

_MAX_TITLE: Final = 500
_MAX_TEXT: Final = 4000  # of one fact; all of it is far below the 512 KB of an event
_MAX_PLAIN: Final = 500


class Config(ChannelConfig):
    """The keys of `type: incidentio`."""

    pages: ClassVar[bool] = True
    limited_by: ClassVar[tuple[str, ...]] = ("url",)

    #: Where the alert source takes events: `https://api.incident.io/v2/alert_events/http/…`, without its token.
    url: Annotated[str, Field(pattern=r"^https?://[^@?#\s]+$")]
    #: The token of the alert source.
    token: Secret


class IncidentIo(CallByCall):
    """Sends the events of a notification."""

    def __init__(self, config: Config, tools: Tools) -> None:
        super().__init__(config, tools)
        self._config = config
        self._read = tools.read

    def call(self, step: Step, texts: Composition, *, degraded: bool) -> Call:
        """Return the event of a step."""
        return Call(step.key, step.act, "", event(step, texts, degraded=degraded))

    async def post(self, call: Call) -> None:
        """Send one; the token is added here, so that it is in no row."""
        headers = {"Authorization": f"Bearer {self._read(self._config.token)}"}
        failure = verdict(await self._client.send_json("POST", self._config.url, call.content, headers))
        if failure is not None:
            raise failure


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return IncidentIo(config, tools)


def verdict(reply: Reply) -> SendError | None:
    """Return what an answer means; success is what says so. Pure."""
    failure = classify(reply)
    if failure is None and document_of(reply).get("status") != "success":
        return failed(Failure.AMBIGUOUS, Reason.BAD_REPLY, "the answer is not incident.io's")
    return failure


def event(step: Step, texts: Composition, *, degraded: bool) -> Mapping[str, Any]:
    """Return the event of a step. Pure."""
    facts = texts.context
    return {
        "deduplication_key": step.key,
        "status": "resolved" if step.act is Act.CLOSE else "firing",
        "title": cut(calls.headline(texts), _MAX_TITLE),
        "description": description(step, texts, degraded=degraded),
        **({"source_url": facts["url"]} if facts["url"] else {}),
        "metadata": {**calls.labels(texts), "cluster": facts["cluster"], "severity": step.severity.word},
    }


def description(step: Step, texts: Composition, *, degraded: bool) -> str:
    """Return what there is to say in Markdown: a list of facts, or the lines of a text; nothing told is markup."""
    if degraded or not calls.is_listed(texts):
        text = calls.text(texts, is_closed_by_hand=step.is_closed_by_hand)
        return fit(text, _MAX_PLAIN if degraded else 4 * _MAX_TEXT, _lines)
    told = calls.facts(texts, is_closed_by_hand=step.is_closed_by_hand)
    runbook = texts.context["listed"][0]["runbook"]
    return "\n".join(f"- **{markdown(label)}:** {_fact(text, runbook)}" for label, text in told.items())


def _fact(text: str, runbook: str) -> str:
    is_link = text == runbook  # its form was checked when it became one
    return f"<{text}>" if is_link else fit(text, _MAX_TEXT, _lines)


def _lines(text: str) -> str:
    """Encode each line, and end it where it ended."""
    return "  \n".join(markdown(each) for each in text.splitlines())
