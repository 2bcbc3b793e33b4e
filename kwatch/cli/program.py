"""The program: its commands, and how errors that kwatch raises on purpose become text and exit codes."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

import click

from kwatch import __version__
from kwatch.cli.ack import ack, unack
from kwatch.cli.audit import audit
from kwatch.cli.check import check
from kwatch.cli.deliveries import deliveries
from kwatch.cli.exits import Exit
from kwatch.cli.explain import explain
from kwatch.cli.render import render
from kwatch.cli.run import run
from kwatch.cli.send_test import send_test
from kwatch.cli.silence import silence
from kwatch.cli.why import why
from kwatch.errors import ConfigError, KwatchError


class _Program(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KwatchError as error:
            _report(error)
        except ExceptionGroup as group:  # a task of the running kwatch failed
            meant, bugs = group.split(KwatchError)
            if bugs is not None or meant is None:
                raise
            for leaf in _leaves(meant):
                _report(leaf)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would complain of what it could not flush
            _report(KwatchError("the output cannot be written: no space is left"))
        return ctx.exit(Exit.PROBLEM)


def _leaves(group: ExceptionGroup[KwatchError]) -> Iterator[KwatchError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _occupy(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_RDWR), number)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for as long as the process lives


def _report(error: KwatchError) -> None:
    problems = error.problems if isinstance(error, ConfigError) else (f"kwatch: {error}",)
    for problem in problems:
        click.echo(problem, err=True)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="kwatch", message="%(prog)s %(version)s")
def main() -> None:
    """Tell people what is wrong in a Kubernetes cluster, and when it is over."""
    for number in range(3):  # where a descriptor is closed, a file or a socket would get its number, and its texts
        _occupy(number)
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without UTF-8 shows `?`, and nothing fails
            stream.reconfigure(errors="replace")


for command in (
    run,
    check,
    explain,
    why,
    render,
    send_test,
    deliveries,
    silence,
    ack,
    unack,
    audit,
):
    main.add_command(command)
