"""A workspace of Slack with buttons, served from a thread, that writes down what is posted, answered and edited."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx

from kwatch.clock import SystemClock
from kwatch.testing.receivers import serve
from kwatch.testing.vendors.slack_buttons import SlackButtons
from tests.e2e.threads import in_thread


class Workspace(SlackButtons):
    """`transcript` is what people saw, in order: `posted 1`, `answered 1`, `edited 1`, and what it said."""

    def __init__(self, token: str) -> None:
        super().__init__(SystemClock(), token=token)
        self.transcript: list[tuple[str, str]] = []
        self.api_url = ""
        self._loop = asyncio.get_running_loop()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what the request asks for, and write it down where it shows something."""
        answer = await super().answer(request)
        method = request.url.path.rpartition("/")[2]
        if method in {"chat.postMessage", "chat.update"} and answer.json()["ok"]:
            self._write(answer.json()["ts"], is_edit=method == "chat.update")
        return answer

    def click(self, root: int, action: str, user: str) -> None:
        """Press a button of a root as it is now; from another thread."""
        pressing = self.press(self.roots()[root - 1], action, user)
        asyncio.run_coroutine_threadsafe(pressing, self._loop).result(10)

    def _write(self, ts: str, *, is_edit: bool) -> None:
        (message,) = (each for each in self.messages if each.ts == ts)
        root = [each.ts for each in self.roots()].index(message.thread_ts or ts) + 1
        act = "edited" if is_edit else "answered" if message.thread_ts else "posted"
        self.transcript.append((f"{act} {root}", message.all_text))


@contextmanager
def open_workspace(token: str) -> Iterator[Workspace]:
    """Serve a workspace, its calls and the connections of its buttons, until the end of the block."""

    @asynccontextmanager
    async def serving() -> AsyncIterator[Workspace]:
        workspace = Workspace(token)
        async with serve(workspace.answer) as url, workspace.listening():
            workspace.api_url = f"{url}/api/"
            yield workspace

    with in_thread(serving, "workspace") as workspace:
        yield workspace
