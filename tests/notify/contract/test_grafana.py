"""Grafana IRM."""

import httpx
import pytest

from kwatch.notify.channels import grafana
from kwatch.testing.contract import Desk, StatusContract
from kwatch.testing.vendors.grafana import Grafana
from tests.notify.contract.calling import CallingContract


class TestGrafana(CallingContract, StatusContract):
    channel = grafana
    vendor = Grafana

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_T03_any_2xx_is_a_success(self, desk: Desk, status: int) -> None:
        """But a page, as of a login: see the tests of the channel."""
        desk.wire.faults.append(httpx.Response(status, text="Ok."))
        desk.tell()
        assert len(desk.wire.requests) == 1
