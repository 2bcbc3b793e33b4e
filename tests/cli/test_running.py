"""From the command line to a running kwatch: what is refused, and how signals end it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kwatch.cli.program import main


def test_a_context_without_a_kubeconfig_is_not_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = CliRunner().invoke(main, ["run", "--context", "prod"])
    assert result.exit_code == 1
    assert result.stderr == (
        "kwatch: there is no kubeconfig that could have the context 'prod': name one with --kubeconfig\n"
    )


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_a_signal_ends_it_in_order_also_when_the_whole_group_and_make_tell_it(
    tmp_path: Path, signals: list[signal.Signals]
) -> None:
    command = [sys.executable, "-m", "kwatch", "run", "--demo", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as kwatch:
        assert kwatch.stderr is not None
        for line in kwatch.stderr:
            if '"message":"watching"' in line:
                break
        for each in signals:
            kwatch.send_signal(each)
        assert kwatch.wait(30) == 0
    assert not (tmp_path / "address").exists()
