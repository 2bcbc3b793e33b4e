"""One destination on its vendor, in virtual time: what the contract's behaviours are written with."""

import asyncio
import io
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self

import httpx

from kwatch.clock import Clock
from kwatch.model.notifications import Content, Message, Notification, Receipt, Thread
from kwatch.notify.base import Channel, Connection, Secret, Tools
from kwatch.notify.render import TemplateEngine
from kwatch.redaction import Redactor
from kwatch.testing.contract.samples import ALONE, INCIDENT, NOW, delivery, notification
from kwatch.testing.vendors import CANARY, HttpVendor, Shown, Vendor
from kwatch.testing.virtual import VirtualClock, VirtualLoop

#: Instead of the vendor's answer: one that is given, an error of the way there, or a function of the request.
Fault = httpx.Response | Exception | Callable[[httpx.Request], Awaitable[httpx.Response]]


class Wire(httpx.AsyncBaseTransport):
    """The way to the vendor: keeps what was sent, and answers with faults where there are any."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self.faults: deque[Fault] = deque()  # one for each next request
        self.connections: list[Connection] = []  # that were asked for
        self.requests: list[httpx.Request] = []
        self.answers: list[httpx.Response] = []  # of the vendor
        self.is_closed = False

    def connect(self, connection: Connection) -> httpx.AsyncBaseTransport:
        """Return itself as the transport of a destination."""
        self.connections.append(connection)
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request there and its answer back."""
        await request.aread()
        self.requests.append(request)
        match self.faults.popleft() if self.faults else None:
            case None:
                vendor: HttpVendor = self._vendor  # type: ignore[assignment]  # who sends here speaks HTTP
                self.answers.append(await vendor.answer(request))
                return self.answers[-1]
            case httpx.Response() as response:
                return response
            case Exception() as error:
                raise error
            case answer:
                return await answer(request)

    async def aclose(self) -> None:
        """Note it."""
        self.is_closed = True


class Reach(Protocol):
    """How a channel gets to its vendor, while the context is open."""

    def __call__(self, vendor: Any, tools: Tools) -> AbstractAsyncContextManager[Tools]:
        """Return the tools through which it does."""
        ...


class Desk:
    """A destination of one channel, with the keys of its vendor, and whoever sends there.

    Use it as a context; each call runs on its own loop, whose time passes only while nothing can run.
    """

    def __init__(self, module: ModuleType, vendor: Callable[[Clock], Vendor], folder: Path, reach: Reach) -> None:
        self._module = module
        self._folder = folder
        self._reach = reach
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self._open = AsyncExitStack()
        self.clock = VirtualClock(NOW, self._runner.get_loop())
        self.vendor = vendor(self.clock)
        self.wire = Wire(self.vendor)
        self.redactor = Redactor()  # knows of secrets what channels read
        self.read: list[str] = []  # the secrets that were
        self._tools = Tools(
            clock=self.clock,
            templates=TemplateEngine(self.clock),
            transport=self.wire.connect,
            instance="prod-eu.kwatch",
            secret=CANARY,
            stdout=io.StringIO(),
            read=self._read,
        )

    def __enter__(self) -> Self:
        for name, secret in self.vendor.secrets.items():
            self.keep(name, secret)
        self._tools = self.run(self._open.enter_async_context(self._reach(self.vendor, self._tools)))
        self.channel = self.create()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._open.aclose())
        self._runner.close()

    def _read(self, secret: Secret) -> str:
        value = secret.read()
        self.read.append(value)
        self.redactor.learn(value)
        return value

    def run(self, act: Awaitable[Any]) -> Any:
        """Do something on the loop and return its result."""

        async def main() -> Any:
            return await act

        return self._runner.run(main())

    def keep(self, name: str, secret: str) -> None:
        """Write a secret where the configuration looks for it."""
        (self._folder / name).write_text(secret)

    def lose(self, name: str) -> None:
        """Remove a secret."""
        (self._folder / name).unlink()

    def configure(self, **keys: Any) -> Any:
        """Return the configuration of a destination at the vendor, with more keys; pydantic's errors are raised."""
        words = {"type": self._module.__name__.rpartition(".")[2], "name": "team", **self.vendor.keys, **keys}
        return self._module.Config.model_validate(self._located(words))

    def create(self, **keys: Any) -> Channel:
        """Return a channel at the vendor, with more keys."""
        channel: Channel = self._module.create(self.configure(**keys), self._tools)
        return channel

    def render(
        self,
        facts: Content | None = None,
        thread: Thread = ALONE,
        *,
        degraded: bool = False,
        channel: Channel | None = None,
    ) -> Message:
        """Return the message of the facts (a crash loop when none are given)."""
        return (channel or self.channel).render(notification(facts), thread, degraded=degraded)

    def tell(
        self,
        facts: Content | None = None,
        thread: Thread = ALONE,
        *,
        sequence: int = 1,
        degraded: bool = False,
        channel: Channel | None = None,
        incident: str = INCIDENT,
    ) -> Receipt:
        """Render and send once."""
        of = notification(facts, sequence=sequence, incident=incident)
        return self.send((channel or self.channel).render(of, thread, degraded=degraded), of, thread, channel=channel)

    def send(
        self,
        message: Message,
        of: Notification | None = None,
        thread: Thread = ALONE,
        *,
        channel: Channel | None = None,
    ) -> Receipt:
        """Send once, within the time that the channel has."""
        used = channel or self.channel

        async def attempt() -> Receipt:
            async with asyncio.timeout(used.timeout):
                return await used.send(message, delivery(of or notification(), message, thread))

        receipt: Receipt = self.run(attempt())
        return receipt

    def tell_at_once(self, *facts: Content) -> None:
        """Render all, each of an incident of its own, and send them at the same time."""
        told = [notification(each, incident=f"kw/at-once-{number}/1") for number, each in enumerate(facts)]
        sends = [delivery(of, self.channel.render(of, ALONE, degraded=False)) for of in told]

        async def attempts() -> None:
            async with asyncio.TaskGroup() as group:
                for each in sends:
                    group.create_task(self.channel.send(each.message or Message(b""), each))

        self.run(attempts())

    @property
    def shown(self) -> list[Shown]:
        """What people see at the vendor now."""
        return self.vendor.shown()

    @property
    def text(self) -> str:
        """All that people can read at the vendor now."""
        return "\n".join(shown.text for shown in self.shown)

    def _located(self, keys: Any) -> Any:
        match keys:
            case {"file": str(name)} if name in self.vendor.secrets:
                return {"file": str(self._folder / name)}
            case Mapping():
                return {key: self._located(value) for key, value in keys.items()}
            case list() | tuple():
                return [self._located(value) for value in keys]
            case _:
                return keys
