"""`kwatch ack` and `kwatch unack` against a web server that notes what it is asked for."""

import getpass
import json
from pathlib import Path

from click.testing import CliRunner, Result

from kwatch.cli.program import main
from tests.cli.serving import served
from tests.web.boards import FixedBoard


def kwatch(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--state", str(state)])


def test_an_alert_is_acknowledged_by_the_user_of_the_command(tmp_path: Path) -> None:
    with served(tmp_path, FixedBoard()) as control:
        result = kwatch(tmp_path, "ack", "f-crash-loop", "--comment", "on it")
    assert (result.exit_code, result.output) == (
        0,
        "crash-loop payments/Deployment/worker f-crash-loop: acknowledged\n",
    )
    assert control.asked == [(("f-crash-loop", "on it"), getpass.getuser())]


def test_an_incident_is_taken_back(tmp_path: Path) -> None:
    with served(tmp_path, FixedBoard()) as control:
        result = kwatch(tmp_path, "unack", "kw/abc/1")
    assert (result.exit_code, result.output) == (
        0,
        "crash-loop payments/Deployment/worker f-crash-loop: not acknowledged any more\n",
    )
    assert control.asked == [("kw/abc/1", getpass.getuser())]


def test_programs_get_json(tmp_path: Path) -> None:
    with served(tmp_path, FixedBoard()):
        result = kwatch(tmp_path, "ack", "f-crash-loop", "--json")
    assert [alert["acked_by"] for alert in json.loads(result.output)["alerts"]] == [getpass.getuser()]


def test_what_is_refused_says_why(tmp_path: Path) -> None:
    with served(tmp_path, FixedBoard()):
        result = kwatch(tmp_path, "ack", "other?#")
    assert (result.exit_code, result.output) == (
        1,
        "Error: nothing that fires has this fingerprint or incident\n",
    )


def test_without_a_running_kwatch_the_code_is_3(tmp_path: Path) -> None:
    assert kwatch(tmp_path, "ack", "f-crash-loop").exit_code == 3
    assert kwatch(tmp_path, "unack", "f-crash-loop").exit_code == 3
