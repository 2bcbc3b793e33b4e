"""What the pages let be changed: forms of a browser, which carry the token themselves and lead back to the page."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kwatch.web.access import is_token
from kwatch.web.changes import Control, actor_name, body_of


class Forms:
    """The endpoints of forms."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def retry(self, request: Request) -> Response:
        """Have a delivery attempted now."""
        return await self._deal(request, self._control.retry_delivery)

    async def drop(self, request: Request) -> Response:
        """End a delivery."""
        return await self._deal(request, self._control.drop_delivery)

    async def _deal(self, request: Request, act: Callable[[str, str], Awaitable[bool]]) -> Response:
        fields = parse_qs((await body_of(request)).decode(errors="replace"))
        if not is_token(fields.get("token", [""])[0], self._control.token):
            raise HTTPException(403, "a change needs the token of the state folder, in its file `token`")
        delivery_id = request.path_params["delivery_id"]
        if not await act(delivery_id, actor_name(fields.get("actor", [""])[0])):
            raise HTTPException(404, "there is no such delivery")
        return RedirectResponse(f"/deliveries/{quote(delivery_id, safe='')}", status_code=303)
