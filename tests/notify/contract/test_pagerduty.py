"""PagerDuty."""

from kwatch.notify.channels import pagerduty
from kwatch.testing.contract import BodyContract, IncidentContract
from kwatch.testing.vendors.pagerduty import PagerDuty


class TestPagerDuty(BodyContract, IncidentContract):
    channel = pagerduty
    vendor = PagerDuty
    test_a_group_names_what_it_groups = None  # each critical alert is an incident of its own
