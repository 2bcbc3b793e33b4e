"""Real replicas of an Alertmanager: Debian's `prometheus-alertmanager`, each on a port of its own."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = "prometheus-alertmanager"
_CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
_DEADLINE = 30.0  # seconds for whatever is waited for


@dataclass
class Replica:
    """One process, alone: replicas do not tell each other of alerts."""

    folder: Path
    port: int
    web: str = ""  # its --web.config.file
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, with nothing that it knew before, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "alertmanager.yml").write_text(_CONFIG)
        options = {
            "config.file": self.folder / "alertmanager.yml",
            "storage.path": self.folder / "data",
            "web.listen-address": f"127.0.0.1:{self.port}",
            "cluster.listen-address": "",
            "log.level": "error",
        }
        if self.web:
            (self.folder / "web.yml").write_text(self.web)
            options["web.config.file"] = self.folder / "web.yml"
        self.process = subprocess.Popen([PROGRAM, *(f"--{name}={value}" for name, value in options.items())])
        wait_for(self.is_ready)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}-/ready") as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            return error.code in {400, 401}  # it wants TLS, or to know who asks
        except OSError:
            return False

    def active(self) -> list[Mapping[str, Any]]:
        """Return what fires, as it says it."""
        with urllib.request.urlopen(f"{self.url}api/v2/alerts") as answer:
            alerts: list[Mapping[str, Any]] = json.load(answer)
        return sorted(alerts, key=lambda alert: str(alert["labels"]))

    def post(self, body: bytes) -> int:
        """Post raw bytes and return the status."""
        request = urllib.request.Request(
            f"{self.url}api/v2/alerts", data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


def missing() -> str:
    """Say why this machine cannot run one; empty when it can."""
    return "" if shutil.which(PROGRAM) else f"no Alertmanager (Debian's package {PROGRAM})"


@contextmanager
def running(folder: Path, number: int, web: str = "") -> Iterator[tuple[Replica, ...]]:
    """Run so many replicas."""
    with ExitStack() as stack:
        replicas = tuple(Replica(folder / str(each), _free_port(), web) for each in range(number))
        for replica in replicas:
            stack.callback(replica.stop)
            replica.start()
        yield replicas


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it is so; fail when it is not in time."""
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
