"""The shipped command as a process, with a home, a configuration and a state folder of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.waiting import until


class Kwatch:
    """`kwatch run`, which may be started and ended as often as a test likes; each start has a log of its own."""

    def __init__(self, folder: Path, config: str, kubeconfig: Path) -> None:
        self.folder = folder
        self.config = folder / "kwatch.yaml"
        self.config.write_text(config)
        self._kubeconfig = kubeconfig
        self._log = folder / "log-0"
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Kwatch":
        """Start it, and wait until it watches everything that it may watch."""
        words = ["run", "--config", str(self.config), "--kubeconfig", str(self._kubeconfig)]
        root = Path(__file__).parents[2]
        self._starts += 1
        self._log = self.folder / f"log-{self._starts}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kwatch", *words],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(root)},
                stdout=log,
                stderr=log,
            )
        until(self._is_watching, 60, "kwatch to watch")
        return self

    def stop(self) -> None:
        """Ask it to end; it must end well."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, self.log
        self._process = None

    def kill(self) -> None:
        """End it at once."""
        process = self._running()
        process.kill()
        process.wait(10)
        self._process = None

    def end(self) -> None:
        """End it if it still runs: the last act of a test, also of one that failed."""
        if self._process is not None:
            self.kill()

    @property
    def log(self) -> str:
        """Everything that it has said since its last start."""
        return self._log.read_text()

    def ready(self) -> Any:
        """Return the report of `/readyz`, whether it is ready or not."""
        return json.loads(self.get("/readyz"))

    def get(self, path: str) -> str:
        """Return what it answers on its own port, also with an error status."""
        url = (self.folder / "state" / "address").read_text().strip().rstrip("/")
        try:
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        assert self._process.poll() is None, self.log
        return self._process

    def _is_watching(self) -> bool:
        self._running()
        return '"message":"watching"' in self.log
