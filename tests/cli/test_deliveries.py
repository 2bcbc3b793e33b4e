"""`kwatch deliveries` against a web server that shows a board."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kwatch.cli.deliveries import _STATES
from kwatch.cli.program import main
from kwatch.model.notifications import DeliveryState
from kwatch.web import address
from kwatch.web.server import listen, url_of
from tests.cli.serving import served
from tests.web.boards import FixedBoard

Kwatch = Callable[..., Result]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a board that is served in another thread."""
    state = tmp_path_factory.mktemp("state")
    with served(state, FixedBoard()):
        yield state


@pytest.fixture
def kwatch(running: Path) -> Kwatch:
    def invoke(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "140"}).invoke(main, ["deliveries", *arguments, "--state", str(running)])

    return invoke


def test_list_shows_the_newest_first(kwatch: Kwatch) -> None:
    result = kwatch("list")
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines() if "n-" in line]
    assert [(line[0], line[3]) for line in lines] == [("n-3", "retry_wait"), ("n-2", "sent"), ("n-1", "dead")]


def test_list_is_a_line_each_where_it_is_no_terminal(running: Path) -> None:
    result = CliRunner(env={"COLUMNS": "40"}).invoke(main, ["deliveries", "list", "--state", str(running)])
    assert [line.split()[0] for line in result.output.splitlines() if line.strip()][2:] == ["n-3", "n-2", "n-1"]


def test_list_is_json_for_programs(kwatch: Kwatch) -> None:
    rows = json.loads(kwatch("list", "--json", "--limit", "1").output)
    assert [row["id"] for row in rows] == ["n-3"]


def test_list_can_be_asked_for_states(kwatch: Kwatch) -> None:
    rows = json.loads(kwatch("list", "--json", "--in", "sent", "--in", "dead").output)
    assert [row["id"] for row in rows] == ["n-2", "n-1"]
    assert kwatch("list", "--in", "queued").output == "no deliveries\n"


def test_list_can_be_asked_for_a_destination(kwatch: Kwatch) -> None:
    rows = json.loads(kwatch("list", "--json").output)
    name = rows[0]["destination"]
    found = json.loads(kwatch("list", "--json", "--destination", name).output)
    assert [row["id"] for row in found] == [row["id"] for row in rows if row["destination"] == name]
    assert kwatch("list", "--destination", "no one").output == "no deliveries\n"


def test_every_state_can_be_asked_for() -> None:
    assert tuple(state.value for state in DeliveryState) == _STATES


def test_show_tells_every_attempt_and_what_was_sent(kwatch: Kwatch) -> None:
    assert kwatch("show", "n-2").output == (
        "n-2: crash-loop payments/Deployment/worker and 1 more\n"
        "  firing to team-slack, incident kw/1/1 #1\n"
        "  sent\n"
        "  2026-03-01 11:58:00  created\n"
        "  2026-03-01 11:58:00  attempt 1: sent: 200 OK\n"
        "\n"
        '{"text": "hi"}\n'
    )


def test_show_says_when_it_tries_again(kwatch: Kwatch) -> None:
    output = kwatch("show", "n-3").output
    assert "  retry_wait (unavailable)\n" in output
    assert "  2026-03-01 11:59:20  next attempt\n" in output


def test_show_names_what_an_overflow_stands_for(kwatch: Kwatch) -> None:
    assert "  stands for n-0  firing of kw/0/1\n" in kwatch("show", "n-1").output


def test_an_unknown_id_is_a_problem(kwatch: Kwatch) -> None:
    result = kwatch("show", "kw/1?x")
    assert (result.exit_code, result.stderr) == (1, "Error: there is no such delivery\n")


def test_without_a_running_kwatch_the_code_is_3(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["deliveries", "list", "--state", str(tmp_path)])
    assert result.exit_code == 3
    assert result.stderr == f"Error: no kwatch is running on the state folder {tmp_path}\n"


def test_an_address_that_nobody_answers_at_is_3(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listener:
        url = url_of(listener)
    address.publish(tmp_path, url)
    result = CliRunner().invoke(main, ["deliveries", "list", "--state", str(tmp_path)])
    assert result.exit_code == 3
    assert f"does not answer at {url}: " in result.stderr


def test_a_state_folder_that_cannot_be_one_is_3(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(main, ["deliveries", "list", "--state", str(tmp_path / "file" / "state")])
    assert result.exit_code == 3


@pytest.mark.parametrize(("act", "said"), [("retry", "n-1: queued\n"), ("drop", "n-1: dropped\n")])
def test_what_was_given_up_is_retried_or_dropped(tmp_path: Path, act: str, said: str) -> None:
    with served(tmp_path, FixedBoard()) as control:
        result = CliRunner(env={"LOGNAME": "ann"}).invoke(main, ["deliveries", act, "n-1", "--state", str(tmp_path)])
    assert (result.exit_code, result.output, control.asked) == (0, said, [((act, "n-1"), "ann")])


@pytest.mark.parametrize(("act", "said"), [("retry", {"queued": "n-1"}), ("drop", {"dropped": "n-1"})])
def test_programs_are_told_what_was_changed(tmp_path: Path, act: str, said: dict[str, str]) -> None:
    with served(tmp_path, FixedBoard()):
        result = CliRunner().invoke(main, ["deliveries", act, "n-1", "--state", str(tmp_path), "--json"])
    assert (result.exit_code, json.loads(result.output)) == (0, said)


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_what_cannot_be_retried_or_dropped_says_why(tmp_path: Path, act: str) -> None:
    with served(tmp_path, FixedBoard()):
        result = CliRunner().invoke(main, ["deliveries", act, "n-2", "--state", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (1, "Error: n-2: it is sent: there is nothing to do\n")


@pytest.mark.parametrize(("act", "said"), [("retry", "queued"), ("drop", "dropped")])
def test_of_many_each_is_changed_though_one_is_refused(tmp_path: Path, act: str, said: str) -> None:
    with served(tmp_path, FixedBoard()) as control:
        result = CliRunner(env={"LOGNAME": "ann"}).invoke(
            main, ["deliveries", act, "n-2", "n-1", "n-1", "--state", str(tmp_path)]
        )
    assert (result.exit_code, result.stdout) == (1, f"n-1: {said}\nn-1: {said}\n")
    assert result.stderr == "Error: n-2: it is sent: there is nothing to do\n"
    assert [asked for asked, _ in control.asked][-2:] == [(act, "n-1"), (act, "n-1")]
