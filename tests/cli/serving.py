"""A board and a control, served to commands as a running kwatch serves its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kwatch.web import address
from kwatch.web.routes import Board, create_app
from kwatch.web.server import listen, serve, url_of
from tests.web.boards import FixedControl


@contextmanager
def served(state: Path, board: Board) -> Iterator[FixedControl]:
    """Serve a board in another thread, by the address and the token of a state folder."""
    loop = asyncio.new_event_loop()
    listener = listen("127.0.0.1", 0)
    address.publish(state, url_of(listener))
    control = FixedControl()
    (state / "token").write_text(control.token)
    serving = loop.create_task(serve(create_app(board, control), listener))

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(serving)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield control
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()
