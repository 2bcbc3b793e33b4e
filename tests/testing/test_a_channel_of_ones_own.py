"""The contract as somebody else uses it: in a project of their own, as docs/channels.md says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "channels.md").read_text(), re.MULTILINE | re.DOTALL)
SERVICE = "from kwatch.testing.vendors.webhook import Receiver as PagerService\n"
SOUND = "from kwatch.notify.channels.webhook import Config, create\n"
GULLIBLE = """\
from kwatch.errors import SendError
from kwatch.model.notifications import Receipt
from kwatch.notify.channels.webhook import Config, Webhook

class Gullible(Webhook):
    async def send(self, message, delivery):
        try:
            return await super().send(message, delivery)
        except SendError:
            return Receipt()

create = Gullible
"""


def verdict(folder: Path, channel: str, behaviours: str) -> tuple[int, str]:
    """Run pytest in a project with the example; return its exit code, and what it printed."""
    for name, text in {"my_channels/pager.py": channel, "my_tests/service.py": SERVICE}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    (folder / "test_pager.py").write_text(EXAMPLE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", behaviours, "test_pager.py"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("behaviours", ["each_kind", "X11", "limit"])
def test_a_sound_channel_passes(tmp_path: Path, behaviours: str) -> None:
    code, printed = verdict(tmp_path, SOUND, behaviours)
    assert (code, "passed" in printed) == (0, True), printed


def test_one_that_takes_every_answer_for_a_success_does_not(tmp_path: Path) -> None:
    code, printed = verdict(tmp_path, GULLIBLE, "redirect")
    assert code == 1
    assert "3 failed" in printed
    assert "DID NOT RAISE" in printed
