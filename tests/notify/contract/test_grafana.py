"""Grafana IRM."""

from kwatch.notify.channels import grafana
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.grafana import Grafana


class TestGrafana(HttpContract):
    channel = grafana
    vendor = Grafana
