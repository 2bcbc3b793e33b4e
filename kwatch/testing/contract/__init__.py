"""The contract of every channel as tests: subclass what your channel is, name it and its vendor, and run pytest.

    from kwatch.testing.contract import HttpContract, ThreadContract

    class TestSlack(HttpContract, ThreadContract):
        channel = kwatch.notify.channels.slack  # the module with Config and create
        vendor = Slack  # a kwatch.testing.vendors.HttpVendor, made with a clock for each test

`Contract` holds for all, `HttpContract` for those that speak HTTP, `BodyContract` where the answer's body says whether
it was a success, `ThreadContract` where an incident is one message and what stands below it, `IncidentContract` where
the service keeps incidents that end. Needs pytest.
"""

import pytest

pytest.register_assert_rewrite("kwatch.testing.contract.messages", "kwatch.testing.contract.http")

from kwatch.testing.contract.desk import Desk, Reach  # noqa: E402
from kwatch.testing.contract.http import HttpContract  # noqa: E402
from kwatch.testing.contract.messages import Contract  # noqa: E402

__all__ = ["Contract", "Desk", "HttpContract", "Reach"]
