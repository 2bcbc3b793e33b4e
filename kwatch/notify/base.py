"""What every channel has in common: its keys in the YAML, its secrets, its protocol.

To write a channel, put `channels/<type>.py` beside the others with `class Config(ChannelConfig)` and
`def create(config: Config, tools: Tools) -> Channel`; the contract suite picks it up.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, Self, TextIO
from zoneinfo import ZoneInfo

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from kwatch.clock import Clock
from kwatch.errors import Failure, PermanentSendError, Reason
from kwatch.model.notifications import Delivery, Message, Notification, Receipt, Thread
from kwatch.model.pace import Pace
from kwatch.model.routes import Moment
from kwatch.model.rules import Severity
from kwatch.model.schedules import check_cron
from kwatch.notify.addresses import check_host
from kwatch.notify.render import TemplateEngine, check_template
from kwatch.notify.tls import client_context
from kwatch.notify.urls import check_proxy, check_url_address
from kwatch.notify.words import Language

_DURATION = re.compile(r"(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?", re.ASCII)
_LONGEST = 3650  # days: added to an instant it is still one


def parse_duration(value: object) -> object:
    """Turn `90s`, `10m`, `1h30m`, `7d` into a timedelta; a timedelta stays. ValueError for anything else."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if found is None:
        raise ValueError("not a duration; write 90s, 10m, 1h30m or 7d")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if days + hours / 24 + minutes / 1440 + seconds / 86400 > _LONGEST:
        raise ValueError(f"longer than {_LONGEST}d")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _parse_severity(value: object) -> object:
    words = {severity.word: severity for severity in Severity}
    if isinstance(value, Severity):
        return value
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"not a severity; write {', '.join(words)}")
    return words[value]


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone; write one like Europe/Berlin or UTC") from None
    return value


def _check_schedule(value: str) -> str:
    try:
        return check_cron(value)
    except ValueError as error:
        raise ValueError(f"not a schedule ({error}); write one like 0 8 * * 1-5") from None


def _check_template(value: str) -> str:
    problem = check_template(value)
    if problem is not None:
        raise ValueError(problem)
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
SeverityWord = Annotated[
    Severity, BeforeValidator(_parse_severity), PlainSerializer(lambda severity: severity.word, return_type=str)
]
TimeZone = Annotated[str, AfterValidator(_check_zone)]
TemplateText = Annotated[str, AfterValidator(_check_template)]


class Secret(BaseModel):
    """Where a secret is: `{file: PATH}` or `{env: NAME}`, exactly one; it never holds the value.

    In the YAML there is no other way to give one, so that no secret stands in a configuration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: A file that holds the secret and nothing else; white space around it is cut.
    file: Path | None = None
    #: The name of an environment variable.
    env: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file and env")
        return self

    def read(self) -> str:
        """Return the secret as it is now: a file is read each time, so a rotated one is used at once.

        It is a small local file (in a cluster: memory), so this may be called on the event loop. Raises
        PermanentSendError (DESTINATION, SECRET) when it is absent or empty.
        """
        try:
            value = read_secret_file(self.file) if self.file else os.environ.get(self.env or "", "")
        except (OSError, UnicodeDecodeError):
            value = ""
        if not value.strip():
            where = f"file {self.file}" if self.file else f"environment variable {self.env}"
            detail = f"the secret in {where} is absent, empty or unreadable"
            raise PermanentSendError(Failure.DESTINATION, Reason.SECRET, detail) from None
        return value.strip()


def read_secret_file(path: Path) -> str:
    """Return what is in a file. OSError also for what is none: a pipe would be waited for, a device read for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a file")
    return path.read_text("utf-8")


class SecretUrl(Secret):
    """A secret that is a URL of HTTP, since it holds a key."""


ProxyUrl = SecretUrl | Annotated[str, AfterValidator(check_proxy)]


class PaceWords(BaseModel):
    """`pace`: how often something is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: How many a minute, in the long run.
    per_minute: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    #: How many at once, after a rest.
    burst: Annotated[int, Field(strict=True, ge=1, le=100_000)]

    @property
    def pace(self) -> Pace:
        """Return what these words mean."""
        return Pace(self.per_minute, self.burst)


class DigestWords(BaseModel):
    """`digest`: messages on a schedule, in place of those at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Minute, hour, day of the month, month and day of the week, as for cron: `0 8 * * 1-5`.
    schedule: Annotated[str, AfterValidator(_check_schedule)]
    #: The zone whose clock the schedule means; absent: the destination's `timezone`.
    timezone: TimeZone | None = None
    #: Whether a digest goes out though nothing happened.
    send_empty: Annotated[bool, Field(strict=True)] = False


class ChannelConfig(BaseModel):
    """The keys that every destination has; each channel adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: The fields that `template` may set; each channel says which.
    template_fields: ClassVar[frozenset[str]] = frozenset({"title", "text"})
    #: Whether it calls people (a pager): what is too old to be told is not listed afterwards.
    pages: ClassVar[bool] = False

    #: The keys whose texts are templates.
    template_keys: ClassVar[tuple[str, ...]] = ("template",)
    #: The keys by which the service counts requests: those alike in them wait together. Empty: each by itself.
    limited_by: ClassVar[tuple[str, ...]] = ()

    #: The channel.
    type: str
    #: Unique over all receivers; empty: `<receiver>-<type>`, filled in by the configuration.
    name: str = ""
    #: The longest that one attempt may take in all; 30 s, as slower destinations are better retried.
    timeout: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=30)
    #: How many messages may be under way at a time, each of another incident; a crash may repeat as many of them.
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    #: `http://host:port`, a secret if it has a user; absent: none, and the environment's variables are not used.
    proxy: ProxyUrl | None = None
    #: A PEM file with the authorities to trust; absent: the system's.
    ca: FilePath | None = None
    #: A PEM file with our own certificate, for destinations that ask for one; goes with `key`.
    cert: FilePath | None = None
    #: The PEM file of its private key, not encrypted.
    key: FilePath | None = None
    #: How often it is told; absent: as it comes, unless the channel has a pace of its own.
    pace: PaceWords | None = None
    #: Digests on a schedule, and nothing else; absent: each thing is told at once.
    digest: DigestWords | None = None
    #: The least severity that is told.
    severity: SeverityWord = Severity.INFO
    #: Whether ends are told.
    send_resolved: bool = True
    #: A receiver that is told in its place while it cannot be told; absent: none, all of it waits.
    fallback: Annotated[str, Field(min_length=1)] | None = None
    #: What it is told of kwatch's own life: `started`, `stopped`, `upgraded`; for whoever runs kwatch.
    lifecycle: tuple[Moment, ...] = ()
    #: The zone of the times in messages.
    timezone: TimeZone = "UTC"
    #: The language of kwatch's own words.
    language: Language = Language.EN
    #: Texts of your own: field → Jinja template, see `docs/templates.md`.
    template: Mapping[str, TemplateText] = {}

    @property
    def can_edit(self) -> bool:
        """Return whether a message that was sent can be changed, which calls nobody."""
        return False

    def warnings(self) -> tuple[str, ...]:
        """Return what the operator should know of such a destination on this machine."""
        return ()

    @property
    def limit(self) -> str:
        """Name what the service counts its requests by; a secret is named by its place."""
        return repr((self.type, *(getattr(self, key) for key in self.limited_by))) if self.limited_by else self.name

    def connection(self, read: Callable[[Secret], str]) -> "Connection":
        """Return how to reach it; `read` is what its secrets are read by."""
        return Connection(proxy=self.proxy, ca=self.ca, cert=self.cert, key=self.key, read=read)

    @property
    def zone(self) -> str:
        """The zone of the times in messages: of a digest that of its schedule, unless another is asked for."""
        if self.digest is None or self.digest.timezone is None or "timezone" in self.model_fields_set:
            return self.timezone
        return self.digest.timezone

    @field_validator("digest")
    @classmethod
    def _read_by_people(cls, value: DigestWords | None) -> DigestWords | None:
        if value is not None and cls.pages:
            raise ValueError("it calls people, and no end would close the incident; send digests to a chat or by mail")
        return value

    @field_validator("*")
    @classmethod
    def _allowed_address(cls, value: Any, field: ValidationInfo) -> Any:
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                check_url_address(text)
        if field.field_name == "host":
            check_host(value)
        return value

    @model_validator(mode="after")
    def _usable_files(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        if self.ca is not None or self.cert is not None:
            try:
                client_context(self.ca, self.cert, self.key)
            except OSError:  # ssl.SSLError is one
                raise ValueError("ca, cert and key: PEM files, and the key that of the certificate") from None
        return self

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        for name in self.template:
            if name not in self.template_fields:
                raise ValueError(
                    f"template: unknown field {name!r}; there is {', '.join(sorted(self.template_fields))}"
                )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach a destination over HTTP."""

    proxy: SecretUrl | str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    read: Callable[[Secret], str] = field(default=Secret.read, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a channel may use of the world."""

    clock: Clock
    templates: TemplateEngine
    transport: Callable[[Connection], httpx.AsyncBaseTransport]
    instance: str  # names this kwatch in Message-IDs; a DNS-like name
    secret: str = field(repr=False)  # of this kwatch alone: signs what has to come back to it
    stdout: TextIO
    read: Callable[[Secret], str] = Secret.read  # what every secret is read by, so that it is known from then on


class Channel(Protocol):
    """One way out, for one destination."""

    concurrency: int  # messages under way at the same time, as configured
    max_age: timedelta  # how long an undelivered message is worth a retry
    timeout: float  # seconds for one attempt in all, enforced by the caller

    def render(self, notification: Notification, thread: Thread, *, degraded: bool) -> Message:
        """Return the bytes that every attempt sends.

        Never raises on content: a user's template that fails is replaced by the built-in one, and the message says why
        in `fallback_reason`. `degraded` asks for the plain, short rendering that is tried once after a refusal.
        """
        ...

    async def send(self, message: Message, delivery: Delivery) -> Receipt:
        """Deliver the message once; raise RetryableSendError or PermanentSendError otherwise."""
        ...

    async def close(self) -> None:
        """Give back connections; the channel is not used afterwards."""
        ...
