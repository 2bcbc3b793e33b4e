"""PagerDuty."""

from kwatch.notify.channels import pagerduty
from kwatch.testing.contract import BodyContract
from kwatch.testing.vendors.pagerduty import PagerDuty
from tests.notify.contract.calling import CallingContract


class TestPagerDuty(CallingContract, BodyContract):
    channel = pagerduty
    vendor = PagerDuty
