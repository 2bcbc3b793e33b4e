"""Opsgenie and Jira Service Management."""

from kwatch.notify.channels import opsgenie
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.opsgenie import Opsgenie


class TestOpsgenie(HttpContract):
    channel = opsgenie
    vendor = Opsgenie
