"""The composition root: configuration in, a running kwatch out."""

from dataclasses import dataclass
from pathlib import Path

from kwatch.errors import KwatchError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line says. None: as the configuration says, or the default."""

    config: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    state: Path | None = None
    demo: bool = False


async def run(options: RunOptions) -> int:
    """Run until a signal asks to stop; return the exit code."""
    raise KwatchError(f"nothing is composed yet: {options}")
