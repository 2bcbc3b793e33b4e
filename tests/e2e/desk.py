"""The three that are told: a workspace like Slack, a webhook that wants a signature, a mail server.

They live in a thread of their own, over every start and stop of kwatch. `told` returns what each of them took about one
place (`shop/Deployment/web`, `Node/node-1`), as a person there reads it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from kwatch.clock import SystemClock
from kwatch.testing.receivers import MailServer, WebhookReceiver, serve
from kwatch.testing.vendors.slack import Posted, Slack
from tests.e2e.threads import in_thread

TOKEN = "xoxb-e2e-not-a-real-token"
KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass(frozen=True, slots=True)
class Told:
    """What was said about one place, in the order in which it arrived."""

    documents: list[Any]  # of the webhook
    roots: list[Posted]  # of Slack, as they look now
    replies: list[Posted]  # in their threads
    mails: list[EmailMessage]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the webhook's documents."""
        return [document["kind"] for document in self.documents]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many documents, roots, replies and mails there are."""
        return len(self.documents), len(self.roots), len(self.replies), len(self.mails)


class Desk:
    """What arrived, at addresses that stay the same."""

    def __init__(self) -> None:
        self.slack = Slack(SystemClock(), token=TOKEN)
        self.hook = WebhookReceiver(KEY)
        self.mail = MailServer()
        self.slack_url = ""
        self.hook_url = ""
        self.mail_port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen."""
        async with (
            serve(self.slack.answer) as slack,
            serve(self.hook.answer) as hook,
            self.mail.serve() as port,
        ):
            self.slack_url, self.hook_url, self.mail_port = f"{slack}/api/", f"{hook}/in", port
            yield

    @property
    def mails(self) -> list[EmailMessage]:
        """Every mail, decoded."""
        return [message_from_bytes(each.content, policy=policy.default) for each in self.mail.mails]

    def told(self, place: str) -> Told:
        """Return what was told about a place; a place of one alert is where its workload is."""
        roots = [root for root in self.slack.roots() if place in root.text.split(" · ")]
        return Told(
            documents=[document for document in self.hook.documents if document["place"] == place],
            roots=roots,
            replies=[reply for root in roots for reply in self.slack.thread(root)],
            mails=[mail for mail in self.mails if f" {place}, since " in mail["Subject"]],
        )

    def everything(self) -> tuple[list[tuple[str, str]], list[str], list[str]]:
        """Return all that was ever told: (kind, place) at the webhook, the title at Slack, the subject by mail."""
        return (
            sorted((document["kind"], document["place"]) for document in self.hook.documents),
            sorted(message.text for message in self.slack.messages),
            sorted(mail["Subject"] for mail in self.mails),
        )


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Serve a desk from a thread until the end of the block."""
    with in_thread(_serving, "desk") as desk:
        yield desk


@asynccontextmanager
async def _serving() -> AsyncIterator[Desk]:
    desk = Desk()
    async with desk.serving():
        yield desk
