"""The state folder: private, and held by one process at a time."""

import fcntl
import os
from pathlib import Path

from kwatch.errors import StateError


class FolderLock:
    """An advisory lock on `<folder>/lock` that ends with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Create the folder if need be and lock it; `StateError` names the process that holds it."""
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(folder, error) from error
        try:
            self._take(folder)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Give the folder to the next process."""
        os.close(self._descriptor)

    def _take(self, folder: Path) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            raise StateError(f"the state folder {folder} is in use by process {holder or 'unknown'}") from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:  # the disk is full
            raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> StateError:
    return StateError(f"the state folder {folder} cannot be used: {error.strerror}")
