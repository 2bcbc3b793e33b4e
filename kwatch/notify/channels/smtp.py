"""Mail: text and HTML, one thread per incident, over SMTP with TLS unless it is switched off by name.

The bytes, the Message-ID and the boundary follow from the notification alone, so a resend is the same mail. Each
recipient is answered for on its own: who has the mail does not get it again, who is refused for good does not hold back
the others.
"""

import hashlib
import logging
import re
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from enum import Enum
from typing import Annotated, Any, ClassVar, Self

import aiosmtplib
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.notify.addresses import RefusedAddressError, connected
from kwatch.notify.base import Channel, ChannelConfig, PaceWords, Secret, Tools
from kwatch.notify.compose import Composition
from kwatch.notify.escape import cut, header, line
from kwatch.notify.http import failed

log = logging.getLogger(__name__)

_SUBJECT = 120
_REMEMBERED = 1000  # notifications that were partly accepted
_GOODBYE = 1.0  # seconds
_SHORTEST_WAIT = 60.0  # seconds after a temporary refusal; RFC 5321 4.5.4.1 asks for more than a few


class Tls(Enum):
    """How the connection is made private."""

    STARTTLS = "starttls"  # required: never in clear text when it is missing
    IMPLICIT = "implicit"
    NONE = "none"


class Stage(Enum):
    """Where in the dialogue a reply came."""

    CONNECT = "connect"
    STARTTLS = "starttls"
    AUTH = "auth"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"


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
    host: Annotated[str, Field(min_length=1)]
    #: Absent: 587 with starttls, 465 with implicit, 25 with none.
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    #: `starttls` (required, the default), `implicit` (the default on port 465) or `none`.
    tls: Tls | None = None
    username: Secret | str | None = None
    password: Secret | None = None
    sender: Annotated[Mailbox, Field(alias="from")]
    to: Annotated[tuple[Mailbox, ...], BeforeValidator(_listed), Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.username is not None and self.security is Tls.NONE:
            raise ValueError("a password is never sent in clear text: use tls starttls or implicit")
        if self.proxy is not None:
            raise ValueError("mail does not go through a proxy")
        return self

    @property
    def security(self) -> Tls:
        """How the connection is made private, with the default filled in."""
        return self.tls or (Tls.IMPLICIT if self.port == _PORTS[Tls.IMPLICIT] else Tls.STARTTLS)


class Mail:
    """Sends one mail per notification to all recipients of the destination."""

    concurrency = 1
    max_age = timedelta(hours=48)

    def __init__(self, config: Config, tools: Tools) -> None:
        self.timeout = config.timeout.total_seconds()
        self._config = config
        self._tools = tools
        self._domain = re.sub(r"[^A-Za-z0-9.-]", "-", tools.instance).strip(".-") or "kwatch"
        self._tls = ssl.create_default_context(cafile=config.ca)
        # Who has a mail that others do not have yet. After a crash they get it twice, with the same Message-ID.
        self._accepted: OrderedDict[str, set[str]] = OrderedDict()

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the mail's bytes; degraded, the text alone, shortened."""
        texts = Composition(self._config, self._tools.templates, notification)
        text = texts.text("text")
        own = {"text": text, "own_text": text if texts.has_own("text") else ""}
        context = texts.context | {"headline": line(texts.text("title")), **own}
        mail = EmailMessage(policy=SMTP_POLICY)
        headers = self._headers(notification, thread, texts)
        for name, value in headers.items():
            mail[name] = value
        plain = self._tools.templates.render_built_in("smtp/mail.txt.j2", context)
        mail.set_content(cut(plain, 2000) if degraded else plain, cte="quoted-printable")
        if not degraded:
            html = self._tools.templates.render_built_in("smtp/mail.html.j2", context)
            mail.add_alternative(html, subtype="html", cte="quoted-printable")
            mail.set_boundary(hashlib.sha256(notification.id.encode()).hexdigest()[:32])
        return Message(mail.as_bytes(), "message/rfc822", {"Subject": headers["Subject"]}, texts.problem)

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Send to those who do not have it yet; raise RetryableSendError while some may still get it."""
        notification = delivery.notification
        accepted = self._accepted.get(notification.id, set())
        waiting = [address for address in self._config.to if address not in accepted]
        refusals = await self._transmit(message.body, waiting)
        accepted |= set(waiting) - set(refusals)
        for address, refusal in refusals.items():
            log.warning("recipient refused", extra={"recipient": address, "reason": refusal.detail})
        later = [refusal for refusal in refusals.values() if refusal.failure is Failure.RETRY]
        if later:
            self._remember(notification.id, accepted)
            raise later[0]
        self._accepted.pop(notification.id, None)
        if not accepted:
            raise next(iter(refusals.values()))
        return self._receipt(notification, message, delivery.thread)

    async def close(self) -> None:
        """Nothing stays open between two mails."""

    def _headers(self, notification: Notification, thread: Thread, texts: Composition) -> Mapping[str, Any]:
        root = thread.root.values if thread.root else {}
        subject = root.get("subject") or header(cut(texts.text("subject", "smtp/subject.j2"), _SUBJECT))
        headers = {
            "Subject": subject,
            "From": Address("kwatch", addr_spec=self._config.sender),
            "To": [Address(addr_spec=address) for address in self._config.to],
            "Date": format_datetime(notification.created_at),
            "Message-ID": self._message_id(notification),
            "List-Id": f"<{self._domain}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "X-Kwatch-Severity": notification.severity.word,
        }
        if "message_id" in root:
            headers |= {"In-Reply-To": root["message_id"], "References": root["message_id"]}
        return headers

    def _message_id(self, notification: Notification) -> str:
        """Return `<fingerprint.episode.sequence@…>`: the same for every attempt, and another for each destination."""
        local = re.sub(r"[^A-Za-z0-9]+", ".", notification.incident.removeprefix("kw/")).strip(".")
        destination = re.sub(r"[^A-Za-z0-9]+", "-", notification.destination).strip("-")
        return f"<{local}.{notification.sequence}@{destination}.{self._domain}>"

    def _receipt(self, notification: Notification, message: Message, thread: Thread) -> Receipt:
        if thread.root is not None:
            return thread.root
        return Receipt({"message_id": self._message_id(notification), "subject": message.headers["Subject"]})

    def _remember(self, notification_id: str, accepted: set[str]) -> None:
        self._accepted[notification_id] = accepted
        self._accepted.move_to_end(notification_id)
        if len(self._accepted) > _REMEMBERED:
            self._accepted.popitem(last=False)

    async def _transmit(self, mail: bytes, recipients: list[str]) -> dict[str, SendError]:
        """Return the refusals; raise SendError when nobody got it."""
        client = aiosmtplib.SMTP(
            hostname=self._config.host,
            timeout=self.timeout,
            use_tls=self._config.security is Tls.IMPLICIT,
            start_tls=False,  # it is a stage of its own, so that a refusal is told apart
            tls_context=self._tls,
        )
        dialogue = _Dialogue(client)
        try:
            return await dialogue.run(self._config, mail, recipients)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise dialogue.failure(error) from None
        finally:
            client.close()


class _Dialogue:
    """One conversation with the server, which knows how far it got."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client
        self._stage = Stage.CONNECT

    async def run(self, config: Config, mail: bytes, recipients: list[str]) -> dict[str, SendError]:
        port = config.port or _PORTS[config.security]
        await self._client.connect(sock=await connected(config.host, port))
        if config.security is Tls.STARTTLS:
            self._stage = Stage.STARTTLS
            await self._client.starttls()
        if config.username is not None and config.password is not None:
            self._stage = Stage.AUTH
            name = config.username.read() if isinstance(config.username, Secret) else config.username
            await self._client.login(name, config.password.read())
        self._stage = Stage.SENDER
        await self._client.mail(config.sender)
        self._stage = Stage.RECIPIENT
        refusals = await self._recipients(recipients)
        if len(refusals) < len(recipients):
            self._stage = Stage.DATA
            await self._client.data(mail)
        await self._leave()
        return refusals

    async def _leave(self) -> None:
        """Say goodbye; what was accepted stays so, whatever comes back."""
        try:
            await self._client.quit(timeout=_GOODBYE)
        except (aiosmtplib.SMTPException, OSError):
            pass

    async def _recipients(self, recipients: list[str]) -> dict[str, SendError]:
        refusals = {}
        for address in recipients:
            try:
                await self._client.rcpt(address)
            except aiosmtplib.SMTPRecipientRefused as refusal:
                refusals[address] = classify_reply(refusal.code, refusal.message, Stage.RECIPIENT)
        return refusals

    def failure(self, error: Exception) -> SendError:
        """Return what an exception means where the conversation was."""
        if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return failed(Failure.DESTINATION, Reason.TLS, "the certificate of the mail server is not trusted")
        if isinstance(error, RefusedAddressError):
            return failed(Failure.DESTINATION, Reason.ADDRESS, "the mail server has an address that none may have")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return classify_reply(error.code, error.message, self._stage)
        if type(error) is aiosmtplib.SMTPException or isinstance(error, aiosmtplib.SMTPNotSupported):
            return failed(Failure.DESTINATION, Reason.TLS, f"the mail server does not offer {self._stage.value}")
        reason = _reason(error, self._stage)
        if self._stage is Stage.DATA:
            return failed(Failure.AMBIGUOUS, reason, "the connection ended before the mail was answered for")
        return failed(Failure.RETRY, reason, f"no conversation with the mail server, at {self._stage.value}")


def create(config: Config, tools: Tools) -> Channel:
    """Return the channel of one destination."""
    return Mail(config, tools)


def classify_reply(code: int, text: str, stage: Stage) -> SendError:
    """Return what a reply of 400 or above means (spec 3.3). Pure."""
    enhanced = re.match(r"[45]\.\d{1,3}\.\d{1,3}", text)
    detail = f"the mail server answered {code} {enhanced[0] + ' ' if enhanced else ''}at {stage.value}"
    if code < 500:
        return failed(Failure.RETRY, Reason.UNAVAILABLE, detail, _SHORTEST_WAIT)
    if stage in {Stage.AUTH, Stage.STARTTLS} or code in {530, 534, 535, 538}:
        return failed(Failure.DESTINATION, Reason.UNAUTHORIZED if stage is not Stage.STARTTLS else Reason.TLS, detail)
    if code == 552 or (enhanced and enhanced[0] == "5.3.4"):
        return failed(Failure.MESSAGE, Reason.TOO_LARGE, detail)
    if stage in {Stage.CONNECT, Stage.SENDER}:
        return failed(Failure.DESTINATION, Reason.REJECTED, detail)
    reason = Reason.RECIPIENT if stage is Stage.RECIPIENT else Reason.REJECTED
    return failed(Failure.MESSAGE, reason, detail)


def _reason(error: Exception, stage: Stage) -> Reason:
    if isinstance(error, TimeoutError):
        return Reason.CONNECT_TIMEOUT if stage is Stage.CONNECT else Reason.TIMEOUT
    return Reason.REFUSED if stage is Stage.CONNECT else Reason.RESET
