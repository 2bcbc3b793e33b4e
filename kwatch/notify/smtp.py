"""One conversation with a mail server, and what its replies mean for the delivery (spec 3.3).

Each recipient is answered for on its own. Nothing is said in clear text where TLS is asked for, and no password before
it (RFC 3207, RFC 4954). XOAUTH2: https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
"""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from enum import Enum

import aiosmtplib

from kwatch.errors import Failure, PermanentSendError, Reason, SendError
from kwatch.notify.addresses import RefusedAddressError, connected
from kwatch.notify.http import failed

_GOODBYE = 1.0  # seconds


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


class PolicyError(PermanentSendError):
    """The mail is refused for what the server thinks of it or of us: other mails may be as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How to reach a mail server."""

    host: str
    port: int
    tls: Tls
    context: ssl.SSLContext
    hello: str  # how we introduce ourselves: a name with a dot, as servers refuse others
    timeout: float  # seconds for each step


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we are to the server."""

    username: str
    secret: str = field(repr=False)
    is_token: bool  # the secret is an OAuth 2.0 access token


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A mail and the addresses that the servers on its way go by."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


#: What became of each recipient; None: the server took the mail for it.
Answers = dict[str, SendError | None]


async def transmit(server: Server, login: Login | None, envelope: Envelope) -> Answers:
    """Return what became of each recipient; raise SendError when that is the same for all."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        local_hostname=server.hello,
        timeout=server.timeout,
        use_tls=server.tls is Tls.IMPLICIT,
        start_tls=False,  # it is a stage of its own, so that a refusal is told apart
        tls_context=server.context,
    )
    dialogue = _Dialogue(client)
    try:
        return await dialogue.run(server, login, envelope)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise dialogue.failure(error) from None
    finally:
        await dialogue.hang_up()


class _Dialogue:
    """One conversation with the server, which knows how far it got."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client
        self._stage = Stage.CONNECT
        self._transport: asyncio.BaseTransport | None = None

    async def run(self, server: Server, login: Login | None, envelope: Envelope) -> Answers:
        await self._client.connect(sock=await connected(server.host, server.port))
        await self._greet()
        if server.tls is Tls.STARTTLS:
            self._stage = Stage.STARTTLS
            await self._client.starttls()
            await self._greet()  # what was said before TLS does not count
        if login is not None:
            self._stage = Stage.AUTH
            await self._log_in(login)
        self._stage = Stage.SENDER
        # How large it is spares sending it in vain (RFC 1870).
        size = [f"SIZE={len(envelope.content)}"] if self._client.supports_extension("size") else []
        await self._client.mail(envelope.sender, options=size)
        self._stage = Stage.RECIPIENT
        answers = await self._recipients(envelope.recipients)
        if None in answers.values():
            self._stage = Stage.DATA
            await self._client.data(envelope.content)
        await self._leave()
        return answers

    async def hang_up(self) -> None:
        """Close the connection at once: no server is waited for that does not end its TLS."""
        self._client.close()
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()
        await asyncio.sleep(0)  # the loop closes it in its next turn

    async def _greet(self) -> None:
        self._transport = self._client.transport
        try:
            await self._client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await self._client.helo()

    async def _log_in(self, login: Login) -> None:
        if not login.is_token:
            await self._client.login(login.username, login.secret)
            return
        if "xoauth2" not in self._client.server_auth_methods:
            raise aiosmtplib.SMTPNotSupported("xoauth2")
        await self._client.auth_xoauth2(login.username, login.secret)

    async def _leave(self) -> None:
        """Say goodbye; what was accepted stays so, whatever comes back."""
        try:
            await self._client.quit(timeout=_GOODBYE)
        except (aiosmtplib.SMTPException, OSError):
            pass

    async def _recipients(self, recipients: tuple[str, ...]) -> Answers:
        answers: Answers = {}
        for address in recipients:
            try:
                await self._client.rcpt(address)
                answers[address] = None
            except aiosmtplib.SMTPRecipientRefused as refusal:
                answers[address] = classify_reply(refusal.code, refusal.message, Stage.RECIPIENT)
        return answers

    def failure(self, error: Exception) -> SendError:
        """Return what an exception means where the conversation was."""
        if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return failed(Failure.DESTINATION, Reason.TLS, "the certificate of the mail server is not trusted")
        if isinstance(error, RefusedAddressError):
            return failed(Failure.DESTINATION, Reason.ADDRESS, "the mail server has an address that none may have")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return classify_reply(error.code, error.message, self._stage)
        if type(error) is aiosmtplib.SMTPException or isinstance(error, aiosmtplib.SMTPNotSupported):
            reason = Reason.UNAUTHORIZED if self._stage is Stage.AUTH else Reason.TLS
            return failed(Failure.DESTINATION, reason, f"the mail server does not offer {self._stage.value}")
        reason = _reason(error, self._stage)
        if self._stage is Stage.DATA:
            return failed(Failure.AMBIGUOUS, reason, "the connection ended before the mail was answered for")
        return failed(Failure.RETRY, reason, f"no conversation with the mail server, at {self._stage.value}")


def classify_reply(code: int, text: str, stage: Stage) -> SendError:
    """Return what a reply of 400 or above means (spec 3.3). Pure."""
    enhanced = re.match(r"[45]\.\d{1,3}\.\d{1,3}", text)
    status = enhanced[0] if enhanced else ""
    detail = " ".join(filter(None, (f"the mail server answered {code}", status, f"at {stage.value}")))
    if code < 500:
        reason = Reason.RECIPIENT if stage is Stage.RECIPIENT else Reason.UNAVAILABLE
        return failed(Failure.RETRY, reason, detail)
    if stage in {Stage.AUTH, Stage.STARTTLS} or code in {530, 534, 535, 538}:
        return failed(Failure.DESTINATION, Reason.UNAUTHORIZED if stage is not Stage.STARTTLS else Reason.TLS, detail)
    if stage is Stage.RECIPIENT:
        return failed(Failure.MESSAGE, Reason.RECIPIENT, detail)
    if code == 552 or status == "5.3.4":
        return failed(Failure.MESSAGE, Reason.TOO_LARGE, detail)
    if stage in {Stage.CONNECT, Stage.SENDER}:
        return failed(Failure.DESTINATION, Reason.REJECTED, detail)
    if code == 554 or status.startswith("5.7."):
        return PolicyError(Failure.MESSAGE, Reason.REJECTED, detail)
    return failed(Failure.MESSAGE, Reason.REJECTED, detail)


def _reason(error: Exception, stage: Stage) -> Reason:
    if isinstance(error, TimeoutError):
        return Reason.CONNECT_TIMEOUT if stage is Stage.CONNECT else Reason.TIMEOUT
    return Reason.REFUSED if stage is Stage.CONNECT else Reason.RESET
