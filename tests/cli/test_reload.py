"""Another configuration for a process that runs: on SIGHUP, and as Kubernetes changes a ConfigMap that is mounted."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.cli.test_running import first_lines, kwatch

CONFIG = 'packs: []\nweb: {{listen: "127.0.0.1:0"}}\nlog: {{level: {level}, format: json}}\n'


def told(process: subprocess.Popen[str], start: str) -> dict[str, Any]:
    """Return the first line of the log that starts so; the deadline of the process ends the wait."""
    assert process.stderr is not None
    lines = (json.loads(line) for line in process.stderr if line.startswith("{"))
    return next(line for line in lines if str(line["message"]).startswith(start))


def mount(folder: Path, version: str, text: str) -> Path:
    """Put the file where its link leads as the kubelet does: a folder per version, and a link that is replaced."""
    (folder / version).mkdir(parents=True)
    (folder / version / "kwatch.yaml").write_text(text)
    (folder / "..new").symlink_to(version)
    (folder / "..new").replace(folder / "..data")
    path = folder / "kwatch.yaml"
    if not path.is_symlink():
        path.symlink_to("..data/kwatch.yaml")
    return path


def test_SIGHUP_loads_the_configuration_anew_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    config = tmp_path / "kwatch.yaml"
    config.write_text(CONFIG.format(level="info"))
    with kwatch(tmp_path, "--demo", "--config", str(config), "--state", str(tmp_path / "state")) as process:
        first_lines(process, 2)
        told(process, "watching")
        process.send_signal(signal.SIGHUP)
        assert told(process, "configuration")["message"] == "configuration loaded"
        config.write_text(CONFIG.format(level="loud"))
        process.send_signal(signal.SIGHUP)
        refused = told(process, "configuration refused")
        assert refused["error"] == (f"{config}:3:14: level: must be one of debug, info, warning, error")
        process.terminate()
        assert process.wait() == 0


def test_a_mounted_ConfigMap_that_changes_is_loaded(tmp_path: Path) -> None:
    config = mount(tmp_path / "config", "..1", CONFIG.format(level="info"))
    with kwatch(tmp_path, "--demo", "--config", str(config), "--state", str(tmp_path / "state")) as process:
        first_lines(process, 2)
        told(process, "watching")
        mount(tmp_path / "config", "..2", CONFIG.format(level="debug"))
        assert told(process, "configuration")["message"] == "configuration loaded"
        process.terminate()
        assert process.wait() == 0
