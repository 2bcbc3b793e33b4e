"""Virtual time jumps, keeps order, and says so when it cannot go on."""

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from kwatch.testing.virtual import DeadlockError, InlineExecutor, VirtualClock, VirtualLoop, run

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_thirty_days_pass_in_no_time() -> None:
    async def main() -> datetime:
        clock = VirtualClock(START, asyncio.get_running_loop())
        await clock.sleep(30 * 86400)
        return clock.now()

    began = time.perf_counter()
    assert run(main()) == datetime(2026, 12, 21, 9, 0, tzinfo=UTC)
    assert time.perf_counter() - began < 5


def test_timers_run_in_the_order_of_their_instants() -> None:
    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[str, float]] = []

        async def wait(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, loop.time()))

        async with asyncio.TaskGroup() as group:
            for name, seconds in (("c", 7.5), ("a", 0.1), ("b", 3.0)):
                group.create_task(wait(name, seconds))
        return seen

    assert run(main()) == [("a", 0.1), ("b", 3.0), ("c", 7.5)]


def test_a_sleep_ends_at_its_instant_and_not_before() -> None:
    async def main() -> None:
        clock = VirtualClock(START, asyncio.get_running_loop())
        for step in range(1, 2001):
            await clock.sleep(0.1)
            assert clock.now() == START + timedelta(milliseconds=100 * step)

    run(main())


def test_time_stands_still_while_something_can_run() -> None:
    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(main()) == 0.0


def test_a_timeout_cuts_in_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run(main()) == 30.0


def test_a_deadlock_raises() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run(main())


def test_a_deadlock_cancels_what_was_running() -> None:
    cleaned = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("up")

    with pytest.raises(DeadlockError):
        run(main())
    assert cleaned == ["up"]


def test_the_inline_executor_answers_in_the_callers_thread() -> None:
    async def main() -> int:
        return await asyncio.get_running_loop().run_in_executor(InlineExecutor(), threading.get_ident)

    assert run(main()) == threading.get_ident()


def test_the_default_executor_is_inline_too() -> None:
    async def main() -> int:
        return await asyncio.to_thread(threading.get_ident)

    assert run(main()) == threading.get_ident()


def test_the_inline_executor_hands_the_error_on() -> None:
    with pytest.raises(ZeroDivisionError):
        InlineExecutor().submit(divmod, 1, 0).result()


def test_a_real_thread_is_not_waited_for() -> None:
    """The negative control of the inline executor: with a thread the loop sees a deadlock, or an early answer."""

    async def main(executor: ThreadPoolExecutor, gate: threading.Event) -> None:
        await asyncio.get_running_loop().run_in_executor(executor, gate.wait)

    gate = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(DeadlockError):
            run(main(executor, gate))
        gate.set()


def test_sockets_of_the_process_work_between_the_jumps() -> None:
    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        _, other = await asyncio.open_connection(sock=theirs)
        asyncio.get_running_loop().call_later(60, other.write, b"late\n")
        line = await reader.readline()
        for stream in (writer, other):
            stream.close()
            await stream.wait_closed()
        return line

    assert run(main()) == b"late\n"


def test_each_run_begins_at_zero() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.get_loop().time() == 0.0


def test_the_clock_never_runs_ahead_of_the_loop() -> None:
    async def main() -> datetime:
        clock = VirtualClock(START, asyncio.get_running_loop())
        await clock.sleep(0.9999996)
        return clock.now()

    assert run(main()) == START + timedelta(microseconds=999_999)
