"""The wheel, installed into an environment of its own, runs: templates and packs travel in it."""

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.image import instructions

ROOT = Path(__file__).parent.parent

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the hatchling of this environment: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An empty environment with the wheel; the dependencies are lent by this one, its own kwatch is not."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    install = [sys.executable, "-m", "pip", "--quiet", "--python", str(python), "install", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    # The lent packages come last on the path; .pth files in them (an editable kwatch) are not followed from there.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "bin" / "kwatch"), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return run


def test_the_wheel_is_called_kwatch_bot(wheel: Path) -> None:
    assert wheel.name == "kwatch_bot-0.1.0-py3-none-any.whl"


@pytest.mark.parametrize("folder", ["templates"])
def test_every_data_file_travels_in_the_wheel(wheel: Path, folder: str) -> None:
    expected = {path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix("kwatch/_templates/") for name in archive.namelist() if "_templates/" in name}
    assert packed == expected
    assert "web/status.html" in packed


def test_the_wheel_carries_its_licence_and_its_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {"kwatch_bot-0.1.0.dist-info/licenses/LICENSE", "kwatch/py.typed"} <= set(archive.namelist())


def test_the_installed_command_says_its_version(installed: Run) -> None:
    result = installed("--version")
    assert (result.returncode, result.stdout) == (0, "kwatch 0.1.0\n")


def test_the_installed_command_finds_its_packs_and_its_templates(installed: Run) -> None:
    checked, rendered = installed("check"), installed("render")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "crash-loop" in checked.stdout
    assert (rendered.returncode, rendered.stderr) == (0, "")
    assert "CRITICAL · crash-loop · payments/Deployment/worker" in rendered.stdout


def test_what_the_image_copies_is_there_and_let_in() -> None:
    """The image itself is built without Docker by `python -m tests.image`."""
    copies = [words.split() for name, words in instructions((ROOT / "Dockerfile").read_text()) if name == "COPY"]
    copied = [source for sources in copies if not sources[0].startswith("--from=") for source in sources[:-1]]
    assert copied == ["requirements.lock", "pyproject.toml", "README.md", "LICENSE", "kwatch", "templates"]
    assert set(copied) <= {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert [source for source in copied if not (ROOT / source).exists()] == []
