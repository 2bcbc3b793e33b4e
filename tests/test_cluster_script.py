"""A cluster that was cut short has no claim on the node of this machine."""

import subprocess
import sys
from pathlib import Path

from tests.cluster.cluster import Cluster


def started(folder: Path, pid: int) -> Cluster:
    (folder / "pids").write_text(f"{pid} python\n")
    return Cluster(folder)


def test_a_cluster_is_up_while_it_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"up\n"
        assert started(tmp_path, running.pid).is_up()
        running.communicate(b"\n")


def test_a_cluster_that_was_cut_short_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as over:
        pass
    assert not started(tmp_path, over.pid).is_up()


def test_a_cluster_that_was_never_started_is_not(tmp_path: Path) -> None:
    assert not Cluster(tmp_path).is_up()
