"""The bearer token without which nothing can be changed over HTTP: a file of the state folder, for its owner alone."""

import os
import secrets
from pathlib import Path

from kwatch.errors import StateError

_FILE = "token"
_SHORTEST = 32  # characters; what is shorter was not made here


def ensure(folder: Path) -> str:
    """Return the token, made if there is none yet. Raise StateError where it cannot be."""
    known = find(folder)
    try:
        if known is None:
            known = secrets.token_urlsafe(32)
            _write(folder, known)
        (folder / _FILE).chmod(0o600)
    except OSError as error:
        raise StateError(f"{folder / _FILE} cannot be used: {error.strerror}") from error
    return known


def find(folder: Path) -> str | None:
    """Return the token of a state folder; None where none can be read."""
    try:
        text = (folder / _FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return text if len(text) >= _SHORTEST else None


def _write(folder: Path, token: str) -> None:
    """Put it there whole: a crash leaves the old file or the new one."""
    draft = folder / f"{_FILE}.new"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    draft.rename(folder / _FILE)
