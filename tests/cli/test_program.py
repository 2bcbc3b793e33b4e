"""The program as a whole: its options, its exit codes, its start-up time."""

import os
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from kwatch.cli.program import main
from kwatch.errors import ClusterError, ConfigError, StateError


def test_the_version_is_one_line() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, "kwatch 0.1.0\n")


def test_an_unknown_option_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["run", "--nonsense"]).exit_code == 2


@pytest.fixture
def failing() -> click.Group:
    """The program with two commands that fail."""
    program = type(main)("kwatch")

    @program.command()
    def misconfigured() -> None:
        raise ConfigError(("kwatch.yaml:3:5: unknown key `recievers`", "kwatch.yaml:9:1: unknown key `x`"))

    @program.command()
    def locked() -> None:
        raise StateError("the state folder is in use by process 7")

    @program.command()
    def failing_tasks() -> None:
        tasks = [StateError("the state folder is in use"), ExceptionGroup("inner", [ClusterError("no cluster")])]
        raise ExceptionGroup("unhandled errors in a TaskGroup", tasks)

    @program.command()
    def bug_in_a_task() -> None:
        raise ExceptionGroup("unhandled errors in a TaskGroup", [StateError("locked"), ZeroDivisionError("a bug")])

    return program


def test_every_problem_of_the_configuration_is_a_line(failing: click.Group) -> None:
    result = CliRunner().invoke(failing, ["misconfigured"])
    assert result.exit_code == 1
    assert result.stderr == "kwatch.yaml:3:5: unknown key `recievers`\nkwatch.yaml:9:1: unknown key `x`\n"


def test_an_error_raised_on_purpose_is_one_line(failing: click.Group) -> None:
    result = CliRunner().invoke(failing, ["locked"])
    assert (result.exit_code, result.stderr) == (1, "kwatch: the state folder is in use by process 7\n")


def test_what_tasks_raised_on_purpose_is_a_line_each(failing: click.Group) -> None:
    result = CliRunner().invoke(failing, ["failing-tasks"])
    assert (result.exit_code, result.stderr) == (1, "kwatch: the state folder is in use\nkwatch: no cluster\n")


def test_a_bug_in_a_task_keeps_its_traceback(failing: click.Group) -> None:
    result = CliRunner().invoke(failing, ["bug-in-a-task"])
    assert isinstance(result.exception, ExceptionGroup)
    assert result.exception.subgroup(ZeroDivisionError) is not None
    assert result.stderr == ""


def test_help_imports_nothing_heavy() -> None:
    """What makes `kwatch --help` answer at once."""
    code = "import sys, kwatch.cli.program; print(*sorted(set(sys.modules) & set(sys.argv[1:])))"
    heavy = (
        "aiohttp",
        "apsw",
        "asyncio",
        "httpx",
        "jinja2",
        "kubernetes",
        "pydantic",
        "rich",
        "slack_sdk",
        "starlette",
    )
    result = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert result.stdout == "\n"


def test_a_locale_without_utf8_shows_marks_and_fails_nothing() -> None:
    command = [sys.executable, "-m", "kwatch", "render"]
    result = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, check=True)
    since = rb"since (\d{4}-\d\d-\d\d )?\d\d:\d\d UTC"  # with the date soon after midnight
    title = rb"\n\? CRITICAL \xb7 crash-loop \xb7 payments/Deployment/worker \xb7 %s \xb7 14\xd7\n" % since
    assert re.search(title, result.stdout)


def test_the_help_names_what_each_command_does_in_full() -> None:
    assert "..." not in CliRunner().invoke(main, ["--help"], terminal_width=80).output.partition("Commands:")[2]
