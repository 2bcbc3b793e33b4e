"""The errors that kwatch raises on purpose.

    KwatchError
    ├── ConfigError              every problem of the configuration, each with its place
    ├── ClusterError             the API server or the way to it
    │   ├── ForbiddenError       403: this kind is degraded, the others go on
    │   ├── GoneError            410, as a status or inside a stream: list again
    │   └── UnauthorizedError    401: read the credentials again
    ├── ListenError              the address of the web server cannot be had
    ├── StateError               the state folder: locked, newer schema, corrupt
    │   ├── DamagedError         its database cannot be read
    │   └── FencedError          another process has taken it over: this one must end
    ├── TemplateError            a template failed or did too much work
    ├── RefusedError             a change that was asked for by hand is not made
    └── SendError                one attempt to deliver failed
        ├── RetryableSendError   the same message may succeed later
        └── PermanentSendError   the same message would fail again

No text of an error holds a secret: causes that might are cut with `from None`.
"""

from enum import Enum


class KwatchError(Exception):
    """The root of the tree."""


class ConfigError(KwatchError):
    """Hold every problem of a configuration, in the order of files and lines.

    Each problem reads `file:line:column: what is wrong[, did you mean …]`.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ClusterError(KwatchError):
    """The API server answered with an error, or did not answer."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after  # seconds, as the server asked


class ForbiddenError(ClusterError):
    """The credentials may not do this."""


class GoneError(ClusterError):
    """The resource version is too old, or the continue token has expired."""


class UnauthorizedError(ClusterError):
    """The credentials were refused."""


class ListenError(KwatchError):
    """The address of the web server is in use, forbidden, or not this machine's."""


class StateError(KwatchError):
    """The state folder cannot be used."""


class DamagedError(StateError):
    """The database of the state folder cannot be read, or is none of kwatch's."""


class FencedError(StateError):
    """Another process has taken over the state folder; nothing of this one is stored any more."""


class RefusedError(KwatchError):
    """What was asked for is not done; the text says why, and how to ask for it."""


class TemplateError(KwatchError):
    """A template failed, or went over its bounds."""


class Failure(Enum):
    """What a failed attempt means for the delivery (the retry classes)."""

    PACE = "pace"  # asked to wait: not an attempt, the whole scope pauses
    RETRY = "retry"  # provably not accepted: back off, try again
    AMBIGUOUS = "ambiguous"  # the outcome is unknown: resend the same bytes
    MESSAGE = "message"  # this message is refused: one degraded rendering, then dead
    DESTINATION = "destination"  # every message is refused: suspend, keep the queue


class Reason(Enum):
    """Why an attempt failed; a closed set, for it becomes a metric label."""

    RATE_LIMITED = "rate_limited"
    DNS = "dns"
    ADDRESS = "address"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    SERVER = "server"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    TOO_LARGE = "too_large"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    GONE = "gone"
    REDIRECT = "redirect"
    BAD_REPLY = "bad_reply"
    RECIPIENT = "recipient"
    TEMPLATE = "template"
    SECRET = "secret"  # noqa: S105 - the secret of the destination cannot be read
    ORPHANED = "orphaned"  # the credential that opened the incident is gone, so nothing can end it
    OTHER = "other"


class SendError(KwatchError):
    """One attempt failed; `detail` is for people and holds no URL, header or token."""

    def __init__(self, failure: Failure, reason: Reason, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.failure = failure
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after  # seconds, already clamped


class RetryableSendError(SendError):
    """PACE, RETRY or AMBIGUOUS."""


class PermanentSendError(SendError):
    """MESSAGE or DESTINATION."""
