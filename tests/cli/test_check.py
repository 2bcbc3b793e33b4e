"""`kwatch check`: what would run, or every mistake."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kwatch.cli.program import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_would_run_without_a_configuration() -> None:
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "watches    Event, DaemonSet, Deployment, Job, Node, Pod, ReplicaSet, StatefulSet",
        "receivers",
        "  stdout: stdout (stdout)",
        "the built-in configuration: ok",
    ]
    assert result.output.startswith("rules      ")
    assert ", crash-loop, " in result.output


def test_it_finds_the_file_of_the_folder(folder: Path) -> None:
    (folder / "kwatch.yaml").write_text("packs: [nodes]\nwatch: {resources: [Certificate.cert-manager.io]}\n")
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0, result.output
    assert "watches    Event, Certificate, Node" in result.output
    assert result.output.splitlines()[-1] == "kwatch.yaml: ok"


def test_every_mistake_is_listed_with_its_place(folder: Path) -> None:
    (folder / "kwatch.yaml").write_text("recievers: {}\nrules:\n  - {name: x, on: evnt, match: {kind: Pod}}\n")
    result = CliRunner().invoke(main, ["check"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "kwatch.yaml:1:1: unknown key 'recievers', did you mean 'receivers'?",
        "kwatch.yaml:3:19: on: must be one of event, resource, did you mean 'event'?",
    ]


def test_a_warning_stops_nothing(folder: Path) -> None:
    (folder / "kwatch.yaml").write_text("packs: []\nrules: [{name: x, on: event, match: {reason: BackOff}}]\n")
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0
    warning, end = result.output.splitlines()[-2:]
    assert warning == (
        "warning: kwatch.yaml:2:30: match: Events do not say when it is over, the object does: "
        "add `resolve`, or use the built-in rule 'crash-loop'"
    )
    assert end == "kwatch.yaml: ok"


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["check", "--config", "nowhere.yaml"]).exit_code == 2


def test_programs_read_the_same(folder: Path) -> None:
    text = "packs: []\nrules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}]\n"
    (folder / "kwatch.yaml").write_text(text + "receivers: {team: [{type: stdout}]}\n")
    result = CliRunner().invoke(main, ["check", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {
        "problems": [],
        "rules": ["broken"],
        "watches": ["Event", "DaemonSet", "Deployment", "Job", "Node", "Pod", "ReplicaSet", "StatefulSet"],
        "receivers": {"team": [{"name": "team-stdout", "type": "stdout"}]},
        "warnings": [],
    }


def test_programs_read_every_mistake(folder: Path) -> None:
    (folder / "kwatch.yaml").write_text("recievers: {}\n")
    result = CliRunner().invoke(main, ["check", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "problems": ["kwatch.yaml:1:1: unknown key 'recievers', did you mean 'receivers'?"]
    }
