"""Fixtures that several parts' tests share, and the account of what this machine could not run.

Tests that need a real cluster or another real counterpart are left out where it cannot run, and the reason is named at
the end. With KWATCH_REQUIRE_ALL=1, as in CI, the run fails instead.

With `-n 2` two processes share the tests, file by file; all on a real cluster stay in one of them.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import realalertmanager
from tests.mail import exim
from tests.realcluster import RealCluster, missing, running

LEFT_OUT = pytest.StashKey[dict[str, int]]()
#: Where tests on a real cluster are. A machine has one node: they cannot run side by side.
ON_A_CLUSTER = ("tests/e2e/", "tests/testing/test_likeness", "tests/test_realcluster.py")

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("kwatch", deadline=None)
hypothesis.settings.load_profile("kwatch")


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[RealCluster]:
    """A control plane without a node: etcd, API server, controller manager, scheduler."""
    with tempfile.TemporaryDirectory(prefix="kwatch-cluster-") as folder, running(Path(folder), node=False) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def real_node() -> Iterator[RealCluster]:
    """A control plane with one node: containerd and a kubelet. One at a time per machine."""
    with tempfile.TemporaryDirectory(prefix="kwatch-node-") as folder, running(Path(folder), node=True) as cluster:
        yield cluster


@pytest.fixture
def real_alertmanager(tmp_path: Path) -> Iterator[tuple[realalertmanager.Replica, ...]]:
    """Two replicas of an Alertmanager that know of nothing."""
    with realalertmanager.running(tmp_path, 2) as replicas:
        yield replicas


@pytest.fixture(scope="session")
def real_mail_server() -> Iterator[exim.Exim]:
    """A mail server with TLS, AUTH and mailboxes."""
    with exim.running() as server:
        yield server


def _what_is_missing() -> dict[str, str]:
    """Return why this machine cannot give a fixture, by its name; empty where it can."""
    return {
        "real_cluster": missing(node=False),
        "real_node": missing(node=True),
        "real_alertmanager": realalertmanager.missing(),
        "real_mail_server": exim.missing(),
    }


class ByFile(LoadScopeScheduling):
    """Gives each file to one process, and all that is on a real cluster to the same."""

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if nodeid.startswith(ON_A_CLUSTER) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share the tests among processes."""
    return ByFile(config, log)


def pytest_sessionstart() -> None:
    """Refuse to run at all where everything is asked for and something is missing."""
    reasons = [reason for reason in _what_is_missing().values() if reason]
    if reasons and os.environ.get("KWATCH_REQUIRE_ALL") == "1":
        raise pytest.UsageError(*(f"tests cannot run: {reason}" for reason in dict.fromkeys(reasons)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here."""
    why = _what_is_missing()
    left_out: dict[str, int] = {}
    kept: list[pytest.Item] = []
    gone: list[pytest.Item] = []
    for item in items:
        needed = [fixture for fixture in why if fixture in getattr(item, "fixturenames", ())]
        if {"real_cluster", "real_node"}.intersection(needed) and not item.nodeid.startswith(ON_A_CLUSTER):
            raise pytest.UsageError(f"{item.nodeid} is on a real cluster: add its file to ON_A_CLUSTER")
        reason = next((why[fixture] for fixture in needed if why[fixture]), "")
        (gone if reason else kept).append(item)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
    config.stash[LEFT_OUT] = left_out
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was left out, and why."""
    for reason, number in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"not run here: {number} tests on what is real: {reason}", yellow=True)
