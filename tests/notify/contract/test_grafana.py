"""Grafana IRM."""

from kwatch.notify.channels import grafana
from kwatch.testing.contract import IncidentContract, StatusContract
from kwatch.testing.vendors.grafana import Grafana


class TestGrafana(StatusContract, IncidentContract):
    channel = grafana
    vendor = Grafana
    # A page, as of a login, is no success: the others are with the tests of the channel.
    test_T03_any_2xx_is_a_success = None  # noqa: N815
    test_a_group_names_what_it_groups = None  # each critical alert is an incident of its own
