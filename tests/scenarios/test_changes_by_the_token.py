"""Who may change what kwatch does: nobody without the token (T54), through the shipped composition."""

import re
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from kwatch.board import LiveBoard
from kwatch.control import LiveControl
from kwatch.testing.stage import Stage
from kwatch.web.routes import create_app
from tests.scenarios.plays import BROKEN, HOOK, play

#: What every request asks for; it would be taken from one who has the token.
BODY = {"match": {"namespace": "shop"}, "until_resolved": True}


def web_of(stage: Stage) -> Starlette:
    assert stage.app is not None
    return create_app(LiveBoard(stage.app), LiveControl(stage.app))


def changes(web: Starlette) -> list[tuple[str, str]]:
    """Return each request that is not one to read."""
    routes = [route for route in web.routes if isinstance(route, Route)]
    return [
        (method, re.sub(r"\{[^}]*\}", "a", route.path))
        for route in routes
        for method in sorted((route.methods or set()) - {"GET", "HEAD"})
    ]


def test_T54_without_the_token_nothing_is_changed_and_all_is_told(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + HOOK)
    statuses: dict[tuple[str, str], int] = {}

    async def ask() -> None:
        web = web_of(stage)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://localhost") as client:
            for method, path in changes(web):
                statuses[method, path] = (await client.request(method, path, json=BODY)).status_code

    stage.at(10, ask)
    pods.phase(20, "a")
    stage.run(until=600)
    assert {("POST", "/api/v1/silences"), ("DELETE", "/api/v1/silences/a")} <= set(statuses)
    forms = {("POST", "/deliveries/a/retry"): 403, ("POST", "/deliveries/a/drop"): 403}
    assert {request: status for request, status in statuses.items() if status != 401} == forms
    assert stage.lines == ["20 hook firing broken shop/Pod/a"]
