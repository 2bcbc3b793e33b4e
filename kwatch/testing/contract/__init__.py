"""The contract of every channel as tests: subclass what your channel is, name it and its vendor, and run pytest.

    from kwatch.testing.contract import BodyContract, EditContract, ThreadContract

    class TestSlack(BodyContract, ThreadContract, EditContract):
        channel = slack  # the module with Config and create
        vendor = Slack  # a kwatch.testing.vendors.HttpVendor, made with a clock for each test

Over HTTP: `StatusContract` where any 2xx is a success, `BodyContract` where the answer's body says whether it was one.
Not over HTTP: `Contract`, or `OpenContract` for what has no credentials. Besides, `ThreadContract` where an incident is
one message and what stands below it, `EditContract` where that message is edited, `IncidentContract` where the service
keeps incidents that end. A behaviour that a service cannot have is set to None, with the reason. Needs pytest.
"""

import pytest

for _part in ("suite", "messages", "bounds", "secrecy", "http", "threads"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from kwatch.testing.contract import bounds, http, messages, secrecy, threads  # noqa: E402
from kwatch.testing.contract.desk import Desk  # noqa: E402
from kwatch.testing.contract.suite import Suite  # noqa: E402

__all__ = [
    "BodyContract",
    "Contract",
    "Desk",
    "EditContract",
    "IncidentContract",
    "OpenContract",
    "StatusContract",
    "Suite",
    "ThreadContract",
]

ThreadContract = threads.Threads
EditContract = threads.Edits
IncidentContract = threads.Incidents


class OpenContract(messages.Messages, bounds.Bounds):
    """What holds for every channel, also for one without credentials."""


class Contract(OpenContract, secrecy.Secrecy):
    """What holds for every channel with credentials."""


class StatusContract(Contract, http.Status):
    """What holds over HTTP where the status says whether it was a success."""


class BodyContract(Contract, http.Body):
    """What holds over HTTP where the body of a 2xx says whether it was a success."""
