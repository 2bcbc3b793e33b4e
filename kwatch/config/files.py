"""The files of a configuration: what they say now, and whether they are others than those that were read.

A ConfigMap changes by a symbolic link that leads elsewhere, and editors put another file in the place of the old one:
so a file is known by what stands where its path leads, links followed.
"""

from collections.abc import Mapping
from pathlib import Path

from kwatch.config.config import Config
from kwatch.config.load import find_included, include_patterns, load

#: The device, the inode, the time of the last change in ns, and the size of a file.
Stamp = tuple[int, int, int, int]

_ABSENT = (0, 0, 0, 0)


class ConfigFiles:
    """The file that is named, and what it includes. `path` None: the defaults, which never change."""

    def __init__(self, path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._environ = environ or {}
        self._main = _ABSENT
        self._patterns: tuple[str, ...] = ()
        self._read_as: tuple[Stamp, ...] = ()
        self._seen_as: tuple[Stamp, ...] = ()

    def read(self) -> Config:
        """Return the configuration as it is now; ConfigError says everything that is wrong with it."""
        self._read_as = self._seen_as = self._look()
        return load(self.path, environ=self._environ)

    def are_others(self) -> bool:
        """Return whether they are others than when they were read, and the same as at the last look: complete."""
        before, self._seen_as = self._seen_as, self._look()
        return self._seen_as == before != self._read_as

    def _look(self) -> tuple[Stamp, ...]:
        if self.path is None:
            return ()
        main = _stamp(self.path)
        if main != self._main:
            patterns = include_patterns(self.path)
            self._main, self._patterns = main, self._patterns if patterns is None else patterns
        included = [file for pattern in self._patterns for file in find_included(self.path, pattern)]
        return (main, *map(_stamp, included))


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:  # not there now, or links in a ring
        return _ABSENT
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
