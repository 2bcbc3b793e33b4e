"""Stand-ins of the services that channels speak to: each refuses what the real one refuses, and keeps what people see.

`kwatch.testing.contract` runs every channel against its own. A module here is one service; the documentation that it
follows is linked beside each limit. Simulators are stateful, know no channel, and take a clock, for what depends on
time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import httpx

from kwatch.errors import Failure

#: Part of every secret of a simulator: where it is found, a secret has leaked.
CANARY = "canary-7f3a91"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What people see of one message, alert or incident now: after every edit, escapes undone."""

    id: str
    text: str  # everything that can be read, in reading order; plain
    thread: str = ""  # the id of what it stands below; empty: it stands for itself
    is_over: bool = False  # the service itself says that it has ended
    pings: tuple[str, ...] = ()  # mentions that the service would act on
    links: tuple[str, ...] = ()  # addresses behind words of their own
    edits: int = 0  # how often it was changed


class Limit(NamedTuple):
    """One limit of a service: requests that keep it, and the same just over it.

    All of `at` are taken. Of `over` all but the last; that one is refused, and changes nothing.
    """

    name: str
    source: str  # the address of the documentation
    at: Sequence[httpx.Request]
    over: Sequence[httpx.Request]
    status: int  # of the refusal
    says: str = ""  # what the refusal's body holds


class Refusal(NamedTuple):
    """An answer that the service is documented to give, and what it means for a delivery."""

    name: str
    answer: httpx.Response
    failure: Failure
    retry_after: float | None = None  # seconds


class Vendor(Protocol):
    """A service."""

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys of a destination there, without `type`; a secret is `{"file": NAME}`, a name of `secrets`."""
        ...

    @property
    def secrets(self) -> Mapping[str, str]:
        """Name → content; each holds the canary, unless its form forbids it."""
        ...

    def shown(self) -> list[Shown]:
        """Return what people see now, in the order in which it came."""
        ...


class HttpVendor(Vendor, Protocol):
    """A service that is spoken to over HTTP."""

    @property
    def limits(self) -> Sequence[Limit]:
        """Everything that it refuses for its size, form or number."""
        ...

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Its own words for failures, beyond what the status says; empty for a service that has none."""
        ...

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, if the service would."""
        ...


class EditableVendor(HttpVendor, Protocol):
    """A service whose messages can be changed."""

    def delete(self, shown_id: str, /) -> None:
        """Remove a message, as people do."""
        ...


def texts_in(tree: Any) -> Iterator[str]:
    """Yield the texts of a JSON document, keys aside."""
    match tree:
        case str():
            yield tree
        case list():
            for item in tree:
                yield from texts_in(item)
        case dict():
            for item in tree.values():
                yield from texts_in(item)
