"""The world, as far as kwatch touches it."""

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

import httpx

from kwatch.clock import Clock, SystemClock
from kwatch.cluster.wire import Wire
from kwatch.config.config import Config
from kwatch.config.files import ConfigFiles
from kwatch.notify.base import Connection
from kwatch.notify.http import system_transport
from kwatch.redaction import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Injected, so that all of kwatch runs in virtual time."""

    wire: Wire  # to the API server
    cluster: str  # what it is called where the configuration does not say
    clock: Clock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.Random)
    transport: Callable[[Connection], httpx.AsyncBaseTransport] = system_transport
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    redactor: Redactor = field(default_factory=Redactor)  # of what is kept and told
    files: ConfigFiles = field(default_factory=ConfigFiles)  # read again while kwatch runs
    follow: Callable[[Config], None] = lambda _: None  # lets what is outside follow the configuration: the log
