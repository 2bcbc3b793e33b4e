"""Mail: text and HTML, one thread per incident, over SMTP with TLS unless it is switched off by name.

The bytes, the Message-ID and the boundary follow from the notification alone, so a resend is the same mail. Each
recipient is answered for on its own: who has the mail does not get it again, who is refused for good does not hold back
the others, and who is refused for now is tried again alone.
"""

import logging
import re
import sys
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kwatch.errors import Failure, Reason, RetryableSendError, SendError
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify import mail
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.context import Context
from kwatch.notify.escape import cut, line
from kwatch.notify.http import failed
from kwatch.notify.smtp import Answers, Envelope, Login, PolicyError, Server, Tls, transmit
from kwatch.notify.tls import client_context, load_identity
from kwatch.notify.urls import check_name

log = logging.getLogger(__name__)

_REMEMBERED = 1000  # notifications that were partly accepted
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 1800.0  # seconds after a refusal for now; RFC 5321 4.5.4.1 asks for 30 minutes
_PATIENCE = 7  # attempts, an hour: then those who have the mail are told what comes next, without the one who has not
_REFUSED_IN_A_ROW = 3  # mails refused for what they are: then it is us whom the server refuses
_LISTED = (20, 5)  # of each section of a digest, as many as fit
_PORTS = {Tls.STARTTLS: 587, Tls.IMPLICIT: 465, Tls.NONE: 25}


def _check_address(value: str) -> str:
    if not value.isascii() or not re.fullmatch(r"[^\s@<>,;:\"()\\[\]]+@[^\s@<>,;:\"()\\[\]]+", value):
        raise ValueError("not an address; write name@example.com")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Mailbox = Annotated[str, AfterValidator(_check_address)]


class Config(ChannelConfig):
    """The keys of `type: smtp`."""

    template_fields: ClassVar[frozenset[str]] = frozenset({"subject", "title", "text"})

    #: No mail server asks for it; a person reads no more.
    pace: PaceWords | None = PaceWords(per_minute=30, burst=10)
    host: Annotated[str, Field(min_length=1), AfterValidator(check_name)]
    #: Absent: 587 with starttls, 465 with implicit, 25 with none.
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    #: `starttls` (required, the default), `implicit` (the default on port 465) or `none`.
    tls: Tls | None = None
    username: Secret | str | None = None
    password: Secret | None = None
    #: An OAuth 2.0 access token (XOAUTH2) instead of a password; whoever renews it writes the file anew.
    token: Secret | None = None
    sender: Annotated[Mailbox, Field(alias="from")]
    #: Whom mail servers tell when a mail cannot be delivered; absent: `from`.
    return_path: Mailbox | None = None
    to: Annotated[tuple[Mailbox, ...], BeforeValidator(_listed), Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password is not None and self.token is not None:
            raise ValueError("give password or token, not both")
        if (self.username is None) != (self.password is None and self.token is None):
            raise ValueError("username goes with password, or with token")
        if self.username is not None and self.security is Tls.NONE:
            raise ValueError("a password is never sent in clear text: use tls starttls or implicit")
        if self.proxy is not None:
            raise ValueError("mail does not go through a proxy")
        return self

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with how this Python writes mails."""
        major, minor, micro, *_ = sys.version_info
        return tuple(filter(None, [mail.weakness((major, minor, micro))]))

    @property
    def security(self) -> Tls:
        """How the connection is made private, with the default filled in."""
        return self.tls or (Tls.IMPLICIT if self.port == _PORTS[Tls.IMPLICIT] else Tls.STARTTLS)


class Mail:
    """Sends one mail per notification to all recipients of the destination."""

    max_age = timedelta(hours=48)

    def __init__(self, config: Config, tools: Tools) -> None:
        self.concurrency = config.concurrency
        self.timeout = config.timeout.total_seconds()
        self._config = config
        self._tools = tools
        self._tls = client_context(config.ca, config.cert, config.key)
        # Who need not be asked again, of notifications for which others must. After a crash all are, with the same
        # Message-ID.
        self._answered: OrderedDict[str, Answers] = OrderedDict()
        self._refused = 0  # mails in a row, for what they are

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the mail's bytes; degraded, the text alone, shortened."""
        texts = Composition(self._config, self._tools.templates.for_message(), notification)
        headers = self._headers(notification, thread, texts)
        plain, html = self._bodies(texts)
        body = mail.build(headers, *((cut(plain, 2000), "") if degraded else (plain, html)), notification.id)
        return Message(body, "message/rfc822", {"Subject": headers["Subject"]}, texts.problem)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Send to those who wait for it; raise RetryableSendError while some may still get it."""
        notification = delivery.notification
        answers = self._answered.get(notification.id, {})
        waiting = tuple(address for address in self._config.to if address not in answers)
        try:
            now = await self._transmit(message.body, waiting)
        except SendError as error:
            if error.failure is not Failure.MESSAGE or None not in answers.values():
                raise self._judged(error, delivery) from None
            now = dict.fromkeys(waiting, error)  # others have this mail
        self._refused = 0
        for address, answer in now.items():
            if answer is not None:
                log.warning("recipient refused", extra={"recipient": address, "reason": answer.detail})
        return self._conclude({**answers, **now}, message, delivery)

    def _conclude(self, answers: Answers, message: Message, delivery: Delivery) -> Receipt:
        """Return the receipt when nobody is worth another attempt; else raise why."""
        notification = delivery.notification
        refusals = {address: answer for address, answer in answers.items() if answer is not None}
        later = [address for address, answer in refusals.items() if answer.failure is Failure.RETRY]
        has_mail = len(refusals) < len(answers)
        if later and not (has_mail and delivery.attempts >= _PATIENCE):
            self._remember(notification.id, {each: answers[each] for each in answers if each not in later})
            raise _postponed(refusals[later[0]], delivery)
        self._answered.pop(notification.id, None)
        if not has_mail:
            raise next(iter(refusals.values()))
        return self._receipt(notification, message, delivery.thread, refusals)

    async def close(self) -> None:
        """Nothing stays open between two mails."""

    # the mail

    def _headers(self, notification: Notification, thread: Thread, texts: Composition) -> Mapping[str, Any]:
        root = thread.root.values if thread.root else {}
        headers = {
            "Subject": root.get("subject") or mail.subject(texts.text("subject", "smtp/subject.j2")),
            "From": Address("kwatch", addr_spec=self._config.sender),
            "To": [Address(addr_spec=address) for address in self._config.to],
            "Date": format_datetime(notification.created_at),
            "Message-ID": mail.message_id(notification, self._tools.instance),
            "List-Id": mail.list_id(notification.content.cluster, self._config.sender),
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "X-Kwatch-Severity": notification.severity.word,
        }
        if "message_id" in root:
            headers |= {"In-Reply-To": root["message_id"], "References": root["message_id"]}
        return headers

    def _bodies(self, texts: Composition) -> tuple[str, str]:
        """Return text and HTML; of a digest as many lines as fit, and the text alone where nothing does."""
        own = texts.text("text") if texts.has_own("text") else ""
        headline = line(texts.text("title", "smtp/headline.j2"))
        for listed in _LISTED:
            context = _shortened(texts.context, listed) | {"headline": headline, "own_text": own}
            plain, html = (texts.templates.render_built_in(f"smtp/mail.{form}.j2", context) for form in ("txt", "html"))
            if mail.size(plain) <= mail.BODY and mail.size(html) <= mail.BODY:
                return plain, html
        return plain, ""

    def _receipt(
        self, notification: Notification, message: Message, thread: Thread, refusals: Mapping[str, SendError]
    ) -> Receipt:
        """Return what the next mail of the incident refers to, and who did not get this one."""
        names = {"message_id": mail.message_id(notification, self._tools.instance)}
        root = thread.root.values if thread.root is not None else {**names, "subject": message.headers["Subject"]}
        said = ", ".join(f"{address} did not get it: {refusal.detail}" for address, refusal in refusals.items())
        return Receipt(root, cut(said, 1000))

    # the way out

    async def _transmit(self, content: bytes, recipients: tuple[str, ...]) -> Answers:
        config = self._config
        if config.cert is not None:
            try:  # anew for each mail: it is renewed
                load_identity(self._tls, config.cert, config.key)
            except OSError:  # ssl.SSLError is one
                raise failed(Failure.DESTINATION, Reason.SECRET, "cert or key cannot be used") from None
        server = Server(
            host=config.host,
            port=config.port or _PORTS[config.security],
            tls=config.security,
            context=self._tls,
            hello=config.sender.rpartition("@")[2],
            timeout=self.timeout,
        )
        sender = config.return_path or config.sender
        return await transmit(server, self._login(), Envelope(sender=sender, recipients=recipients, content=content))

    def _login(self) -> Login | None:
        username, secret = self._config.username, self._config.token or self._config.password
        if username is None or secret is None:
            return None
        name = self._tools.read(username) if isinstance(username, Secret) else username
        return Login(username=name, secret=self._tools.read(secret), is_token=self._config.token is not None)

    def _judged(self, error: SendError, delivery: Delivery) -> SendError:
        """Return what a failure means in the light of those before it."""
        if isinstance(error, PolicyError) and delivery.is_degraded:
            self._refused += 1
            if self._refused >= _REFUSED_IN_A_ROW:
                return failed(Failure.DESTINATION, Reason.REJECTED, error.detail)
        return _postponed(error, delivery) if error.failure is Failure.RETRY else error

    def _remember(self, notification_id: str, answers: Answers) -> None:
        self._answered[notification_id] = answers
        self._answered.move_to_end(notification_id)
        if len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Mail(config, tools)


def _postponed(error: SendError, delivery: Delivery) -> SendError:
    """Return a refusal for now with how long to wait: from one minute, doubled each time, to half an hour."""
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(max(delivery.attempts - 1, 0), 10)))
    return RetryableSendError(error.failure, error.reason, error.detail, retry_after=wait)


def _shortened(context: Context, listed: int) -> Context:
    """Return the context with at most so many alerts in each section of a digest."""
    sections = [
        {**section, "alerts": section["alerts"][:listed], "more": section["count"] - len(section["alerts"][:listed])}
        for section in context["sections"]
    ]
    return {**context, "sections": sections}
