"""What tests of chats share: a desk with more keys, and texts that must stay texts."""

import importlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from kwatch.clock import Clock
from kwatch.model.notifications import Content
from kwatch.notify.base import Tools
from kwatch.testing.contract import Desk
from tests.notify.samples import alert, content

#: What must stay text in every chat: mentions, links, formats, fences, overrides.
HOSTILE = (
    "@everyone @here @all @channel @room <at>everyone</at> <@1> <@&1> <!channel> <users/all> @ann "
    "[kubectl](https://evil.example.com) <https://evil.example.com|kubectl> <a href='https://evil.example.com'>k</a> "
    "**b** _i_ `c` ```\n``` @everyone </code></pre> @here \u202eknil"
)


@contextmanager
def desk_of(kind: str, vendor: Callable[[Clock], Any], folder: Path, **keys: Any) -> Iterator[Desk]:
    """Give a destination of a channel at its vendor, with more keys."""
    with Desk(importlib.import_module(f"kwatch.notify.channels.{kind}"), vendor, folder, _reach) as desk:
        desk.channel = desk.create(**keys)
        yield desk


@asynccontextmanager
async def _reach(vendor: Any, tools: Tools) -> AsyncIterator[Tools]:
    yield tools


def hostile_facts() -> Content:
    """Return an alert whose every text is hostile."""
    labels = {**alert().labels, "name": HOSTILE, "workload": HOSTILE, "namespace": HOSTILE, "node": HOSTILE}
    view = alert(
        rule=HOSTILE, message=HOSTILE, labels=labels, members=(HOSTILE,), details={HOSTILE: HOSTILE, "runbook": HOSTILE}
    )
    return content(view, came_and_went=(HOSTILE,))


def big_facts(text: str, **changes: Any) -> tuple[Content, Content]:
    """Return one alert alone and eleven together, with the text wherever a text can be."""
    big = alert(
        rule=text,
        message=text * 3,
        labels=dict.fromkeys(alert().labels, text),
        details={f"{text}{n}": text for n in range(12)},
        annotations={
            **dict.fromkeys(("summary", "explanation", "next_step"), "{{ name }}"),
            "runbook": f"https://{text}",
        },
        members=(text,) * 10,
        member_count=99,
    )
    url = "https://kwatch.example.com"
    alone = content(big, came_and_went=(text,) * 12, cluster=text, public_url=url, **changes)
    return alone, content(*(big,) * 11, cluster=text, public_url=url, **changes)
