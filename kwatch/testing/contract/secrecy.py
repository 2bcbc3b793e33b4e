"""What every channel with credentials keeps to itself: they are on the wire, and nowhere else."""

import asyncio
import logging
import random
import traceback
from collections.abc import Iterable
from pathlib import Path

import pytest

from kwatch.errors import Failure, Reason, SendError
from kwatch.model.decisions import Decision
from kwatch.model.notifications import Content
from kwatch.outbox.outbox import Outbox
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing.contract.desk import Desk
from kwatch.testing.contract.samples import notification
from kwatch.testing.contract.suite import Suite
from kwatch.testing.vendors import CANARY
from kwatch.testing.virtual import InlineExecutor

_OTHER = "another-00000"


class Secrecy(Suite):
    """What every channel with credentials keeps to itself."""

    def test_X11_no_credential_is_in_a_message_or_its_thread(self, desk: Desk) -> None:
        assert leaked(desk, repr(desk.render()), repr(desk.render(degraded=True)), repr(desk.tell())) == []

    def test_X11_no_credential_is_in_what_prints_itself(self, desk: Desk) -> None:
        assert leaked(desk, repr(desk.channel), repr(vars(desk.channel)), repr(desk.configure())) == []

    def test_X11_no_credential_is_in_the_log(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        desk.tell()
        for name in desk.vendor.secrets:
            desk.keep(name, wrong(desk.vendor.secrets[name]))
            failure_of(desk)
        assert leaked(desk, *logged(caplog)) == []

    def test_X11_no_credential_is_in_the_error_of_a_refusal(self, desk: Desk) -> None:
        for name, secret in desk.vendor.secrets.items():
            desk.keep(name, wrong(secret))
            assert leaked(desk, *told(failure_of(desk))) == []
            desk.keep(name, secret)

    def test_X11_a_credential_that_was_rotated_is_redacted_as_soon_as_it_is_used(self, desk: Desk) -> None:
        for name, secret in desk.vendor.secrets.items():
            desk.keep(name, wrong(secret))
        failure_of(desk)
        assert {wrong(secret) for secret in desk.vendor.secrets.values()} <= set(desk.read)
        assert leaked(desk, *map(desk.redactor.clean, desk.read)) == []

    def test_X11_no_credential_is_at_rest(self, desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        counters = deliver(desk, tmp_path / "state", seconds=600)
        assert len(desk.shown) == 1
        assert leaked(desk, *files(tmp_path / "state"), repr(counters.read()), *logged(caplog)) == []

    def test_F22_a_wrong_credential_suspends_until_it_is_put_right(self, desk: Desk) -> None:
        for name, secret in desk.vendor.secrets.items():
            desk.keep(name, wrong(secret))
            error = failure_of(desk)
            assert (name, error and error.failure) == (name, Failure.DESTINATION)
            desk.keep(name, secret)
        desk.tell()
        assert len(desk.shown) == 1

    def test_a_credential_that_is_gone_suspends(self, desk: Desk) -> None:
        for name, secret in desk.vendor.secrets.items():
            desk.lose(name)
            error = failure_of(desk)
            assert error is not None
            assert (name, error.failure, error.reason) == (name, Failure.DESTINATION, Reason.SECRET)
            desk.keep(name, secret)


def wrong(secret: str) -> str:
    """Return another secret of the same form, a rotation away."""
    return secret.replace(CANARY, _OTHER) if CANARY in secret else secret[:6] + secret[:5:-1]


def failure_of(desk: Desk) -> SendError | None:
    """Tell, and return the error."""
    try:
        desk.tell()
    except SendError as error:
        return error
    return None


def told(error: SendError | None) -> Iterable[str]:
    """Yield all that an error, a traceback and a row of attempts say."""
    if error is not None:
        yield from (repr(error), str(error), error.detail, *traceback.format_exception(error))


def leaked(desk: Desk, *said: str) -> list[str]:
    """Return the names of the secrets that are said somewhere."""
    secrets = desk.vendor.secrets.items()
    forms = {name: (secret, wrong(secret)) for name, secret in secrets} | {"canary": (CANARY, _OTHER)}
    return [name for name, both in forms.items() if any(form in text for form in both for text in said)]


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return each record of the log, with all that is attached to it."""
    return [repr(vars(record)) + record.getMessage() for record in caplog.records]


def files(folder: Path) -> list[str]:
    """Return what the files of a folder hold."""
    return [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]


def deliver(desk: Desk, folder: Path, facts: Content | None = None, *, seconds: float) -> Counters:
    """Deliver a notification through an outbox on a state of its own, for so long; return what was counted."""
    counters = Counters()
    of = notification(facts)
    state = State.open(folder, InlineExecutor(), counters)
    outbox = Outbox(
        state,
        {of.destination: desk.channel},
        clock=desk.clock,
        rng=random.Random(1),  # noqa: S311 - jitter
        counters=counters,
        on_ended=lambda *_: None,
    )

    async def run() -> None:
        await state.commit(Decision(notifications=(of,)))
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.run())
            await desk.clock.sleep(seconds)
            outbox.stop(0.0)

    desk.run(run())
    state.close()
    return counters
