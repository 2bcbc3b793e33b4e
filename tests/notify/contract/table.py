"""Write docs/contract.md, by `make contract`: which channel keeps which behaviour, and what the stand-ins refuse."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from kwatch.testing.contract import bounds, http, messages, secrecy, threads
from kwatch.testing.contract.samples import NOW
from kwatch.testing.virtual import VirtualClock, VirtualLoop

HEAD = """\
# The contract of channels

Written by `make contract` from the tests. ✓: the channel is held to it by a test of that name in each build; each
behaviour is also shown to refuse a channel that is wrong in it. Empty: there is no such thing at that service.
[How to run it](channels.md#a-channel-of-your-own) for a channel of your own.
"""
PARTS: Sequence[type[Any]] = (
    messages.Messages,
    bounds.Bounds,
    secrecy.Secrecy,
    http.Http,
    http.Status,
    http.Body,
    threads.Threads,
    threads.Edits,
    threads.Incidents,
)


def suites() -> list[type[Any]]:
    """Return the test classes of all channels, by name."""
    package = import_module("tests.notify.contract")
    modules = [import_module(f"{package.__name__}.{module.name}") for module in iter_modules(package.__path__)]
    found = [suite for module in modules for name, suite in vars(module).items() if name.startswith("Test")]
    return sorted(found, key=column)


def column(suite: type[Any]) -> str:
    """Return `slack webhook` for TestSlackWebhook."""
    return " ".join(re.findall("[A-Z][a-z0-9]*", suite.__name__.removeprefix("Test"))).lower()


def behaviours(part: type[Any]) -> list[str]:
    """Return the names of a part's own tests, in their order."""
    return [name for name in vars(part) if name.startswith("test_")]


def sentence(name: str) -> tuple[str, str]:
    """Return the claim that a test's name makes, and the ids of the specification in it."""
    ids, claim = re.fullmatch(r"test_((?:[A-Z]+\d+_)*)(.*)", name).groups()  # type: ignore[union-attr]  # always
    words = claim.replace("_", " ")
    return words[0].upper() + words[1:], ids.strip("_").replace("_", " ")


def tables() -> Iterator[str]:
    """Yield a table for each part."""
    columns = suites()
    for part in PARTS:
        yield f"\n## {(part.__doc__ or '').rstrip('.')}\n"
        held = [suite for suite in columns if issubclass(suite, part)]
        yield "| | | " + " | ".join(map(column, held)) + " |"
        yield "|---|---|" + "---|" * len(held)
        for name in behaviours(part):
            marks = ["✓" if getattr(suite, name) is not None else "" for suite in held]
            yield f"| {' | '.join((*sentence(name), *marks))} |"


def limits() -> Iterator[str]:
    """Yield what each stand-in is shown to take, just so, and to refuse above it."""
    with closing(VirtualLoop()) as loop:
        clock = VirtualClock(NOW, loop)
    yield "\n## What the stand-ins refuse\n\nJust at the limit they take it; a test shows both for each.\n"
    yield "| | | |\n|---|---|---|"
    for suite in suites():
        for limit in getattr(suite.vendor(clock), "limits", ()):
            yield f"| {column(suite)} | {limit.name} | [source]({limit.source}) |"


def page() -> str:
    """Return docs/contract.md."""
    return "\n".join([HEAD.rstrip("\n"), *tables(), *limits()]) + "\n"


if __name__ == "__main__":
    (Path(__file__).parents[3] / "docs" / "contract.md").write_text(page())
