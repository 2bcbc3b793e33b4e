"""The log of changes that were made by hand."""

from datetime import timedelta
from pathlib import Path

from kwatch.model.decisions import AuditEntry, Decision
from kwatch.store import audit
from kwatch.store.state import State
from kwatch.testing.samples import START
from kwatch.testing.virtual import InlineExecutor, run


def entry(number: int) -> AuditEntry:
    at = START + timedelta(seconds=number)
    return AuditEntry(at=at, actor="alice", action="silence added", subject=f"s-{number}", detail="namespace: shop")


def test_the_newest_come_first_and_a_commit_that_is_repeated_counts_once(tmp_path: Path) -> None:
    state = State.open(tmp_path, InlineExecutor())
    decision = Decision(audit=(entry(1), entry(2)))
    run(state.commit(decision))
    run(state.commit(decision))
    assert run(state.audit(10)) == (entry(2), entry(1))
    assert run(state.audit(1)) == (entry(2),)
    state.close()


def test_the_oldest_are_let_go(tmp_path: Path) -> None:
    state = State.open(tmp_path, InlineExecutor())
    run(state.commit(Decision(audit=tuple(map(entry, range(audit.KEPT + 5))))))
    assert len(run(state.audit(audit.KEPT + 10))) == audit.KEPT
    assert run(state.audit(audit.KEPT))[-1] == entry(5)
    state.close()
