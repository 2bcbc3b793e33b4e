"""`kwatch run` as a process: its first line, its exit codes, its signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kwatch.cli.running import name_of_cluster
from kwatch.errors import KwatchError
from kwatch.store.folder import FolderLock

#: Seconds after which a process that says nothing has failed.
DEADLINE = 60.0
SILENT = """
route: {{receiver: team, group_wait: 0s}}
web: {{listen: "127.0.0.1:0"}}
receivers: {{team: [{{type: webhook, url: "http://127.0.0.1:{port}/hook"}}]}}
"""


@contextmanager
def kwatch(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a home without a kubeconfig; it is killed when it outlives the deadline."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "KWATCH"))}
    command = [sys.executable, "-m", "kwatch", "run", *arguments]
    environment = {**kept, "HOME": str(home)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        timer = threading.Timer(DEADLINE, process.kill)
        timer.start()
        try:
            yield process
        finally:
            process.kill()
            timer.cancel()


def first_lines(process: subprocess.Popen[str], number: int) -> list[str]:
    assert process.stderr is not None
    return [process.stderr.readline() for _ in range(number)]


def tell_until_it_ends(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM as one who has no patience; what comes at once with the first one counts as the same."""
    while process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and the rest of what it said."""
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_where_there_is_no_cluster_the_demo_is_watched_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with kwatch(tmp_path) as process:
        first, state, page = first_lines(process, 3)
        folder = re.fullmatch(r"State folder: (\S+) \(temporary; name it with --state to ask this kwatch\)\n", state)
        assert folder is not None
        asked = subprocess.run(
            [sys.executable, "-m", "kwatch", "why", "--state", folder[1], "Deployment/shop/web"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        process.send_signal(number)
        code, said = ended(process)
    assert first == (
        "Watching the embedded demo cluster (no kubeconfig was found); problems come and go within minutes\n"
    )
    assert (asked.stderr, Path(folder[1]).exists()) == ("", False)
    assert re.fullmatch(r"Status page: http://127\.0\.0\.1:\d+/\n", page)
    assert (code, "Traceback" in said) == (0, False)


def test_a_signal_told_twice_at_once_is_one(tmp_path: Path) -> None:
    """`make` passes on a signal that its whole group got."""
    with kwatch(tmp_path) as process:
        first_lines(process, 2)
        process.terminate()
        process.terminate()
        code, said = ended(process)
    assert (code, "stopped before everything" in said) == (0, False)


def test_a_context_without_a_kubeconfig_is_not_the_demo(tmp_path: Path) -> None:
    with kwatch(tmp_path, "--context", "prod") as process:
        code, said = ended(process)
    assert code == 1
    assert said == "kwatch: there is no kubeconfig that could have the context 'prod': name one with --kubeconfig\n"


def test_a_plugin_that_hangs_does_not_outlive_kwatch(tmp_path: Path) -> None:
    plugin, pid = tmp_path / "plugin", tmp_path / "pid"
    plugin.write_text(f"#!/bin/sh\necho $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600\n")
    plugin.chmod(0o700)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    config = {
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example.com"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    with kwatch(tmp_path, "--kubeconfig", str(tmp_path / "kubeconfig")) as process:
        said = first_lines(process, 1)
        while not pid.exists():
            assert process.poll() is None
        process.terminate()
        code, rest = ended(process)
    assert (code, "Traceback" in rest) == (143, False)
    assert "asking the kubeconfig's exec plugin" in said[0]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_is_closed_is_one_that_nobody_reads(tmp_path: Path, closed: str) -> None:
    shell = f'exec {sys.executable} -m kwatch check --config "$0" {closed}>&-'
    (tmp_path / "kwatch.yaml").write_text("receivers: {team: [{type: stdout}]}\n")
    command = ["sh", "-c", shell, str(tmp_path / "kwatch.yaml")]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_an_output_on_a_full_disk_is_one_line() -> None:
    shell = f"exec {sys.executable} -m kwatch run --help >/dev/full"
    found = subprocess.run(["sh", "-c", shell], check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr == "kwatch: the output cannot be written: no space is left\n"


def test_the_demo_may_be_asked_for_and_a_state_folder_be_named(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with kwatch(tmp_path, "--demo", "--state", str(state)) as process:
        first, page = first_lines(process, 2)
        published = (state / "address").read_text()
        process.terminate()
        assert ended(process)[0] == 0
    assert first.startswith("Watching the embedded demo cluster (as asked for)")
    assert page == f"Status page: {published}"
    assert not (state / "address").exists()


def test_a_state_folder_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    state = tmp_path / "state"
    lock = FolderLock(state)
    with kwatch(tmp_path, "--demo", "--state", str(state)) as process:
        code, said = ended(process)
    lock.release()
    assert code == 1
    assert said.splitlines()[1:] == [f"kwatch: the state folder {state} is in use by process {os.getpid()}"]


def test_a_refused_start_says_so_and_nothing_else(tmp_path: Path) -> None:
    """Of a cluster, to which the way is open by then."""
    config = {
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
    }
    kubeconfig, state = tmp_path / "kubeconfig", tmp_path / "state"
    kubeconfig.write_text(json.dumps(config))
    lock = FolderLock(state)
    with kwatch(tmp_path, "--kubeconfig", str(kubeconfig), "--state", str(state)) as process:
        code, said = ended(process)
    lock.release()
    assert code == 1
    assert said.splitlines() == [
        f"Watching cluster prod ({kubeconfig})",
        f"kwatch: the state folder {state} is in use by process {os.getpid()}",
    ]


def test_a_kubeconfig_that_cannot_be_read_is_exit_code_1_and_no_traceback(tmp_path: Path) -> None:
    with kwatch(tmp_path, "--kubeconfig", str(tmp_path / "absent")) as process:
        code, said = ended(process)
    assert code == 1
    assert said.splitlines()[-1].startswith("kwatch: the kubeconfig cannot be used: ")
    assert "Traceback" not in said


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """The first one waits for a receiver that has taken the request and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        config = tmp_path / "kwatch.yaml"
        config.write_text(SILENT.format(port=receiver.getsockname()[1]))
        receiver.settimeout(DEADLINE)
        with kwatch(tmp_path, "--demo", "--config", str(config), "--state", str(tmp_path / "state")) as process:
            connection, _ = receiver.accept()
            process.terminate()
            assert process.stderr is not None
            until_stopping = iter(process.stderr.readline, "")
            assert any("stopping" in line for line in until_stopping)
            tell_until_it_ends(process)
            code, said = ended(process)
            connection.close()
    assert code == 1
    assert said.endswith("kwatch: stopped before everything was finished; what is left is told at the next start\n")
    assert "Traceback" not in said


def test_the_configuration_names_the_cluster_else_the_credentials_do() -> None:
    assert name_of_cluster("prod-eu", "minikube") == "prod-eu"
    assert name_of_cluster(None, "minikube") == "minikube"


def test_in_a_cluster_the_configuration_must_name_it() -> None:
    with pytest.raises(KwatchError, match=re.escape("in a cluster the configuration must name it; write `cluster: ")):
        name_of_cluster(None, "")


def test_f_09_a_damaged_state_is_refused_and_put_aside_when_asked(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.db").write_bytes(b"not a database at all, but long enough to look" * 200)
    with kwatch(tmp_path, "--state", str(state)) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.splitlines()[-1].endswith("restore it, or start with --anew, which keeps it beside")
    with kwatch(tmp_path, "--state", str(state), "--anew") as process:
        assert process.stdout is not None
        told = next(line for line in process.stdout if "damaged" in line)
        tell_until_it_ends(process)
    assert "KWATCH · the state was damaged, and kwatch began anew" in told
    (kept,) = state.glob("state.db.damaged-*")
    assert kept.read_bytes().startswith(b"not a database")
