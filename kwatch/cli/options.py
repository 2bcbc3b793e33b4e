"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

#: Read where no `--config` is given and the file exists.
DEFAULT_CONFIG = Path("kwatch.yaml")


def _found(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is None and DEFAULT_CONFIG.is_file():
        return DEFAULT_CONFIG
    return value


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--config`; None where there is no configuration: the built-in rules alone."""
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar="KWATCH_CONFIG",
        callback=_found,
        help="The configuration file [default: ./kwatch.yaml where there is one, else the built-in rules alone].",
    )(command)
