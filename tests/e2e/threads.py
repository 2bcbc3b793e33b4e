"""What is served from a thread of its own, over every start and stop of kwatch."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

_T = TypeVar("_T")


@contextmanager
def in_thread(serving: Callable[[], AbstractAsyncContextManager[_T]], name: str) -> Iterator[_T]:
    """Keep a context open on a loop in a thread; gives what it gives."""
    opened: Future[tuple[_T, Callable[[], object]]] = Future()

    async def live() -> None:
        closing = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with serving() as served:
            opened.set_result((served, lambda: loop.call_soon_threadsafe(closing.set)))
            await closing.wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()), name=name)
    thread.start()
    served, end = opened.result(10)
    try:
        yield served
    finally:
        end()
        thread.join(10)
