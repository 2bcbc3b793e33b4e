"""The Dockerfile's steps on this machine's own files, without Docker: a copy of them that is thrown away.

    python -m tests.image        # as root, on Linux; needs PyPI

An overlay over `/` is the base image, of which only Python is used; the context holds what `.dockerignore` lets in. At
the end the command is asked for its version and its check as the image's user, in the image's folder.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their words, a line each."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


@contextmanager
def overlaid(folder: Path) -> Iterator[Path]:
    """Give a copy of this machine's files that may be written."""
    upper, work, root = (folder / name for name in ("upper", "work", "root"))
    for each in (upper, work, root):
        each.mkdir()
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)


class Image:
    """What is built: where, as whom and with which variables the next step runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = "/"
        self._user = "0:0"
        self._variables: Mapping[str, str] = {"PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin:/usr/sbin"}
        self._context = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    def step(self, name: str, words: str) -> None:
        """Do what an instruction says."""
        match name:
            case "WORKDIR":
                self._folder = words
                self._path(words).mkdir(parents=True, exist_ok=True)
            case "RUN":
                self.run("sh", "-ec", words)
            case "COPY" if not words.startswith("--from="):  # the stages share one root
                self._copy(*shlex.split(words))
            case "ENV":
                said = dict(word.split("=", 1) for word in shlex.split(words))
                self._variables = {key: value.replace("$PATH", self._variables["PATH"]) for key, value in said.items()}
            case "USER":
                self._user = words

    def run(self, *command: str) -> str:
        """Run a command in the image and return what it says."""
        environment = {"HOME": "/root", **self._variables}
        there = ["sh", "-c", f'cd {self._folder} && exec "$@"', "-", *command]
        chroot = ["chroot", f"--userspec={self._user}", str(self._root), *there]
        done = subprocess.run(chroot, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def _copy(self, *names: str) -> None:
        *sources, target = names
        for source in sources:
            if source not in self._context:
                raise FileNotFoundError(f"{source} is not let in by .dockerignore")
            place = self._path(target)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)

    def _path(self, name: str) -> Path:
        return self._root / str(Path(self._folder) / name).lstrip("/")


def main() -> None:
    """Build, and ask."""
    with tempfile.TemporaryDirectory() as folder, overlaid(Path(folder)) as root:
        (root / "root").chmod(0o755)  # this machine's Python may lie there, and the image's user has to run it
        image = Image(root)
        for name, words in instructions((ROOT / "Dockerfile").read_text()):
            sys.stdout.write(f"{name} {words}\n")
            image.step(name, words)
        for command in (("kwatch", "--version"), ("kwatch", "check")):
            sys.stdout.write(image.run(*command))


if __name__ == "__main__":
    main()
