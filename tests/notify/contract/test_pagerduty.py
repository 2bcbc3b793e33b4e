"""PagerDuty."""

from kwatch.notify.channels import pagerduty
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.pagerduty import PagerDuty


class TestPagerDuty(HttpContract):
    channel = pagerduty
    vendor = PagerDuty
