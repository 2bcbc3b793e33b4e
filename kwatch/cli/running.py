"""From the command line to a running `App`: the configuration, the cluster, the state folder, the signals."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kwatch.app import App
from kwatch.clock import SystemClock
from kwatch.cluster.credentials import find_kubeconfig, is_in_cluster, load_credentials
from kwatch.cluster.http import AiohttpWire
from kwatch.config.config import Config
from kwatch.config.files import ConfigFiles
from kwatch.errors import DamagedError, KwatchError, ListenError
from kwatch.ports import Ports
from kwatch.redaction import Redactor
from kwatch.store.aside import open_anew
from kwatch.store.state import State
from kwatch.telemetry import Counters, set_up_logging
from kwatch.web import address
from kwatch.web.server import listen, url_of

#: A signal so soon after the first is the same one: `make` passes on what its whole group got.
_SAME_SIGNAL_SECONDS = 1.0


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line says. None: as the configuration says, or the default."""

    config: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    state: Path | None = None
    demo: bool = False
    anew: bool = False


async def run_until_signal(options: RunOptions) -> None:
    """Run until SIGTERM or SIGINT; a second one ends it at once, as does the first while credentials are loaded.

    SIGHUP lets the configuration be loaded anew.
    """
    files = ConfigFiles(options.config, environ=os.environ)
    config, follow = files.read(), _Log()
    follow(config)
    counters = Counters()
    async with AsyncExitStack() as stack:
        stack.callback(_let_go_of_stdout)
        with _ended_by_sigterm():
            world, folder = await stack.enter_async_context(_world(options, config))
        ports = replace(world, files=files, follow=follow, redactor=follow.redactor)
        stop = _stop_on_signal()
        state, damaged = _open(folder, counters, options)
        stack.callback(state.close)
        app = App(config, ports, state, counters)
        if damaged is not None:
            app.reporter.tell(f"the state was damaged, and kwatch began anew\nThe old one is kept: {damaged}")
        if options.config is not None:  # without a file to load, SIGHUP is the end of the terminal
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app.reloader.request)
        listener = _listener(options, config)
        stack.callback(listener.close)
        address.publish(folder, url_of(listener))
        stack.callback(address.withdraw, folder)
        click.echo(f"Status page: {url_of(listener)}", err=True)
        _spare_what_stays()
        await app.run(stop, listener)


def _open(folder: Path, counters: Counters, options: RunOptions) -> tuple[State, Path | None]:
    """Open the state; return where a damaged one was put, if that was asked for."""
    if options.anew:
        return open_anew(folder, counters, SystemClock().now())
    try:
        return State.open(folder, counters=counters), None
    except DamagedError as error:
        raise DamagedError(f"{error}; restore it, or start with --anew, which keeps it beside") from error


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End as without a handler, but end first what was begun: a plugin of the kubeconfig is a process of its own."""
    loop, task, is_meant = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def on_signal() -> None:
        is_meant.set()
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, on_signal)
    try:
        yield
    except asyncio.CancelledError:
        if is_meant.is_set():
            sys.exit(128 + signal.SIGTERM)
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _let_go_of_stdout() -> None:
    """Drop what nobody reads: Python would complain of it after everything else has ended well."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _listener(options: RunOptions, config: Config) -> socket.socket:
    """Listen where the configuration says; without one any port is as good as the default when that is taken."""
    try:
        return listen(config.web.host, config.web.port)
    except ListenError:
        if options.config is not None:
            raise
        return listen(config.web.host, 0)


class _Log:
    """The log, as a configuration asks for it."""

    def __init__(self) -> None:
        self.redactor = Redactor()

    def __call__(self, config: Config) -> None:
        set_up_logging(level=config.log.level.value, style=config.log.format, stream=sys.stderr, redactor=self.redactor)
        for warning in config.warnings:
            log.warning("configuration", extra={"warning": warning})


def _spare_what_stays() -> None:
    """Let the collector pass over modules, rules and templates: looking through them holds the loop for 60 ms.

    It also runs less often: what waits to be decided is many small dicts that live for milliseconds, and no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    stopped_at = 0.0

    def on_signal() -> None:
        nonlocal stopped_at
        if not stop.is_set():
            stop.set()
            stopped_at = loop.time()
        elif loop.time() - stopped_at > _SAME_SIGNAL_SECONDS:
            sys.exit("kwatch: stopped before everything was finished; what is left is told at the next start")

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stop


def name_of_cluster(configured: str | None, of_credentials: str) -> str:
    """Return what the cluster is called in what is told; in a Pod the credentials know no name. Raise KwatchError."""
    name = configured or of_credentials
    if not name:
        raise KwatchError("in a cluster the configuration must name it; write `cluster: prod-eu` at the top")
    return name


@asynccontextmanager
async def _world(options: RunOptions, config: Config) -> AsyncIterator[tuple[Ports, Path]]:
    """Find the cluster, and say on the first line which it is."""
    kubeconfig = find_kubeconfig(options.kubeconfig)
    if options.context and not kubeconfig and not options.demo:
        raise KwatchError(
            f"there is no kubeconfig that could have the context {options.context!r}: name one with --kubeconfig"
        )
    if options.demo or not (kubeconfig or is_in_cluster()):
        async with _demo(options) as demo:
            yield demo
        return
    credentials = await load_credentials(options.kubeconfig, options.context)
    name = name_of_cluster(config.cluster, credentials.cluster_name)
    click.echo(f"Watching cluster {name} ({kubeconfig or 'as its service account'})", err=True)
    wire = AiohttpWire(credentials)
    try:
        yield Ports(wire=wire, cluster=name), options.state or config.state
    finally:
        await wire.close()


@asynccontextmanager
async def _demo(options: RunOptions) -> AsyncIterator[tuple[Ports, Path]]:
    from kwatch.testing.fake.demo import demo_wire

    why = "as asked for" if options.demo else "no kubeconfig was found"
    click.echo(f"Watching the embedded demo cluster ({why}); problems come and go within minutes", err=True)
    with tempfile.TemporaryDirectory(prefix="kwatch-demo-") as folder:
        if options.state is None:
            click.echo(f"State folder: {folder} (temporary; name it with --state to ask this kwatch)", err=True)
        async with demo_wire() as wire:
            yield Ports(wire=wire, cluster="demo"), options.state or Path(folder)
