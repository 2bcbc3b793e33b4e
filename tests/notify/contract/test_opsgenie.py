"""Opsgenie and Jira Service Management."""

from collections.abc import Mapping
from typing import ClassVar

from kwatch.errors import Failure
from kwatch.notify.channels import opsgenie
from kwatch.testing.contract import BodyContract, IncidentContract
from kwatch.testing.vendors.opsgenie import Opsgenie


class TestOpsgenie(BodyContract, IncidentContract):
    channel = opsgenie
    vendor = Opsgenie
    statuses: ClassVar[Mapping[int, Failure]] = {402: Failure.DESTINATION}  # the plan does not allow the API
    test_a_group_names_what_it_groups = None  # each critical alert is an incident of its own

    # What has become of a request is asked for: an attempt is a POST and a GET. So these are with the channel's tests.
    test_what_the_vendor_takes_is_a_success = None
    test_a_resend_has_the_same_bytes = None
    test_F20_what_is_refused_is_told_once_more_plain = None  # noqa: N815
    test_no_cookie_is_kept = None
