"""`kwatch silence` and `kwatch audit` against a kwatch that runs as a process of its own."""

import getpass
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from kwatch.cli.silence import match_of
from kwatch.web import address
from kwatch.web.server import listen, url_of

DEADLINE = 60.0
CONFIG = 'web: {listen: "127.0.0.1:0"}\npacks: [crashes, nodes]\nreceivers: {team: [{type: stdout}]}\n'

Kwatch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a kwatch that watches the demo cluster."""
    home = tmp_path_factory.mktemp("home")
    (home / "kwatch.yaml").write_text(CONFIG)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "KWATCH"))}
    command = [sys.executable, "-m", "kwatch", "run", "--demo", "--config", str(home / "kwatch.yaml")]
    command += ["--state", str(home / "state")]
    with subprocess.Popen(command, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(5 * DEADLINE, process.kill)
        timer.start()
        assert process.stderr is not None
        while not process.stderr.readline().startswith("Status page: "):
            assert process.poll() is None
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        yield home / "state"
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)
        reader.join()
        timer.cancel()


@pytest.fixture
def kwatch(state: Path) -> Kwatch:
    return lambda *arguments: ask(state, *arguments)


def ask(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kwatch", *arguments, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)


def test_a_silence_is_made_listed_ended_and_all_of_it_is_in_the_log(kwatch: Kwatch) -> None:
    made = kwatch("silence", "add", "namespace=shop", "rule!=node-*", "--for", "2h", "--comment", "new database")
    assert (made.returncode, made.stderr) == (
        0,
        "It matches no open alert now; it is made, and holds for what is to come.\n",
    )
    silence_id = made.stdout.strip()
    (row,) = json.loads(kwatch("silence", "list", "--json").stdout)
    assert (row["id"], row["match"], row["comment"]) == (
        silence_id,
        "namespace: shop, not: {rule: node-*}",
        "new database",
    )
    assert row["owner"] == getpass.getuser()
    listed = kwatch("silence", "list").stdout
    assert silence_id in listed
    ended = kwatch("silence", "expire", silence_id)
    assert (ended.returncode, ended.stdout) == (0, f"{silence_id} is over\n")
    assert kwatch("silence", "list").stdout == "no silences\n"
    log = json.loads(kwatch("audit", "--json", "--limit", "2").stdout)
    assert [(entry["actor"], entry["action"], entry["subject"]) for entry in log] == [
        (getpass.getuser(), "silence expired", silence_id),
        (getpass.getuser(), "silence added", silence_id),
    ]
    assert "silence expired" in kwatch("audit").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("namespcae=shop", "--for", "2h"), 1, "Error: no alert has a label 'namespcae'"),
        (("rule=*", "--for", "2h"), 1, "Error: match: it would silence everything"),
        (("namespace=", "--for", "2h"), 1, "Error: namespace: must not be empty"),
        (("namespace=~(", "--for", "2h"), 1, "Error: namespace: regex: missing )"),
        (("namespace=shop",), 2, "Usage: "),
        (("namespace=shop", "--for", "2h", "--until", "2036-01-01T00:00:00Z"), 2, "Usage: "),
        (("namespace=shop", "--for", "2"), 1, "Error: for: not a duration; write 90s, 10m, 1h30m or 7d"),
        (("shop", "--for", "2h"), 2, "Usage: "),
    ],
)
def test_what_is_refused_says_why(kwatch: Kwatch, arguments: tuple[str, ...], code: int, error: str) -> None:
    result = kwatch("silence", "add", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(error)


def test_a_silence_that_is_not_there_is_a_problem(kwatch: Kwatch) -> None:
    result = kwatch("silence", "expire", "no/such")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    result = kwatch("silence", "expire", "nosuch")
    assert result.stderr == "Error: there is no such silence: `kwatch silence list` shows those that are\n"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ((), "Error: say how long: --for 2h, --until an instant with its zone, or --resolved"),
        (("--for", "2h", "--until", "2036-01-01T00:00:00Z"), "Error: give --for or --until, not both"),
    ],
)
def test_how_long_is_asked_in_the_words_of_the_command(kwatch: Kwatch, options: tuple[str, ...], error: str) -> None:
    assert kwatch("silence", "add", "namespace=shop", *options).stderr.splitlines()[-1] == error


def test_T54_another_token_changes_nothing(kwatch: Kwatch, state: Path, tmp_path: Path) -> None:
    """A folder with the address of that kwatch, and the token of another."""
    (tmp_path / "address").write_text((state / "address").read_text())
    (tmp_path / "token").write_text("x" * 43)
    result = ask(tmp_path, "silence", "add", "namespace=shop", "--for", "2h")
    assert (result.returncode, result.stderr) == (1, "Error: this is not the token of this kwatch's state folder\n")
    (tmp_path / "token").unlink()
    result = ask(tmp_path, "silence", "add", "namespace=shop", "--for", "2h")
    assert result.returncode == 1
    assert (
        result.stderr == f"Error: the token in the state folder {tmp_path} cannot be read: run this as kwatch's user\n"
    )
    assert kwatch("silence", "list").stdout == "no silences\n"


def test_what_is_not_there_is_neither_acknowledged_nor_explained(kwatch: Kwatch) -> None:
    refused = kwatch("ack", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: nothing that fires has this fingerprint or incident: ")
    asked = kwatch("why", "Pod/shop/nobody")
    assert asked.returncode == 4
    assert asked.stdout.startswith("Pod/shop/nobody\n  there is no such object; ")
    asked = kwatch("why", "pod/shop/nobody")
    assert asked.stdout.startswith("pod/shop/nobody\n  pod is not watched: no rule asks for it, did you mean 'Pod'?; ")


def test_the_token_is_for_its_owner_alone(state: Path) -> None:
    assert stat.S_IMODE((state / "token").stat().st_mode) == 0o600


def test_without_a_running_kwatch_the_code_is_3(tmp_path: Path) -> None:
    result = ask(tmp_path, "silence", "add", "namespace=shop", "--for", "2h")
    assert result.returncode == 3
    assert result.stderr == f"Error: no kwatch is running on the state folder {tmp_path}\n"


def test_a_kwatch_that_was_killed_does_not_answer(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listener:
        address.publish(tmp_path, url_of(listener))
    (tmp_path / "token").write_text("x" * 43)
    assert ask(tmp_path, "silence", "expire", "x").returncode == 3


def test_matchers_are_those_of_routes() -> None:
    assert match_of(("namespace=shop", "namespace=prod-*", "name=~web-.*", "rule!=a=b", "kind!~Pod|Job")) == {
        "namespace": ["shop", "prod-*"],
        "name": {"regex": "web-.*"},
        "not": {"any": [{"rule": "a=b"}, {"kind": {"regex": "Pod|Job"}}]},
    }


@pytest.mark.parametrize("matcher", ["shop", ""])
def test_what_is_no_matcher_cannot_be_read(matcher: str) -> None:
    with pytest.raises(click.UsageError):
        match_of((matcher,))
