"""How commands speak to the running kwatch: found by its state folder, asked over HTTP on this machine."""

import getpass
import http.client
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from kwatch.cli.exits import Exit
from kwatch.store import token
from kwatch.web import address

_TIMEOUT_SECONDS = 15  # longer than a change may take

#: Where the running kwatch is found.
state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("kwatch-state"),
    show_default=True,
    help="The state folder of the running kwatch.",
)
#: For programs.
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class UnreachableError(click.ClickException):
    """Nobody answers."""

    exit_code = Exit.UNREACHABLE


def read(state: Path, path: str) -> Any:
    """Return what the running kwatch answers."""
    return _ask(state, "GET", path, None, {})


def change(state: Path, method: str, path: str, body: object = None) -> Any:
    """Have the running kwatch change something, with the token of its state folder; return what it answers."""
    secret = token.find(state)
    if secret is None and address.find(state) is not None:
        raise click.ClickException(f"the token in the state folder {state} cannot be read: run this as kwatch's user")
    headers = {"Authorization": f"Bearer {secret}", "X-Kwatch-Actor": user(), "Content-Type": "application/json"}
    return _ask(state, method, path, None if body is None else json.dumps(body), headers)


def user() -> str:
    """Return the name of the user of this process."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return "unknown"
    return name.encode("ascii", "replace").decode()


def _ask(state: Path, method: str, path: str, body: str | None, headers: dict[str, str]) -> Any:
    """Ask, never through a proxy: it is on this machine."""
    url = address.find(state)
    if url is None:
        raise UnreachableError(f"no kwatch is running on the state folder {state}")
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreachableError(f"the kwatch of the state folder {state} does not answer at {url}: {error}") from error
    finally:
        connection.close()
    if response.status >= 400:
        raise click.ClickException(answer["error"])
    return answer


def attempted(attempt: Mapping[str, Any]) -> str:
    """Return what came of an attempt to deliver as people read it, and when."""
    said = ": ".join(filter(None, (attempt["outcome"], attempt["reason"], attempt["detail"])))
    return f"{instant(attempt['ended_at'])}  attempt {attempt['number']}: {said}"


def instant(text: str) -> str:
    """Return an instant of JSON as people read it, in UTC."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
