"""Where a running kwatch can be reached: one line in its state folder, by which the CLI finds it."""

from pathlib import Path

_FILE = "address"


def publish(state: Path, url: str) -> None:
    """Write the URL into the state folder, readable by its owner alone."""
    path = state / _FILE
    path.touch(mode=0o600)
    path.write_text(f"{url}\n", encoding="utf-8")


def withdraw(state: Path) -> None:
    """Remove the URL; a process that was killed leaves it behind."""
    (state / _FILE).unlink(missing_ok=True)


def find(state: Path) -> str | None:
    """Return the URL that was published; None where none can be read. That it answers is not promised."""
    try:
        return (state / _FILE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
