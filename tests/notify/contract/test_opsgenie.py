"""Opsgenie and Jira Service Management: an attempt is a POST, and a GET that asks what has become of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from kwatch.errors import Failure, SendError
from kwatch.notify.channels import opsgenie
from kwatch.testing.contract import BodyContract, Desk
from kwatch.testing.contract.samples import alert, content
from kwatch.testing.contract.secrecy import deliver
from kwatch.testing.vendors.opsgenie import Opsgenie
from tests.notify.contract.calling import CallingContract


def posted(desk: Desk) -> list[httpx.Request]:
    """Return what was asked to be done."""
    return [request for request in desk.wire.requests if request.method == "POST"]


class TestOpsgenie(CallingContract, BodyContract):
    channel = opsgenie
    vendor = Opsgenie
    statuses: ClassVar[Mapping[int, Failure]] = {402: Failure.DESTINATION}  # the plan does not allow the API

    def test_what_the_vendor_takes_is_a_success(self, desk: Desk) -> None:
        desk.tell()
        assert [answer.status_code for answer in desk.wire.answers] == [202, 200]

    def test_a_resend_has_the_same_bytes(self, desk: Desk) -> None:
        message = desk.render()
        desk.send(message)
        desk.send(message)
        first, second = posted(desk)
        assert (first.method, first.url, first.content) == (second.method, second.url, second.content)

    def test_F20_what_is_refused_is_told_once_more_plain(self, desk: Desk, tmp_path: Path) -> None:
        desk.wire.faults.append(httpx.Response(400))
        deliver(desk, tmp_path / "state", content(alert(message="m" * 4000)), seconds=600)
        rich, plain = posted(desk)
        assert len(rich.content) > len(plain.content)
        assert len(desk.shown) == 1

    def test_no_cookie_is_kept(self, desk: Desk) -> None:
        desk.wire.faults.append(httpx.Response(503, headers={"Set-Cookie": "session=1"}))
        with pytest.raises(SendError):
            desk.tell()
        desk.tell()
        assert [request.headers.get("cookie") for request in desk.wire.requests] == [None, None, None]
