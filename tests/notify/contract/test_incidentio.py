"""incident.io."""

from kwatch.notify.channels import incidentio
from kwatch.testing.contract import BodyContract, IncidentContract
from kwatch.testing.vendors.incidentio import IncidentIo


class TestIncidentIo(BodyContract, IncidentContract):
    channel = incidentio
    vendor = IncidentIo
    test_a_group_names_what_it_groups = None  # each critical alert is an incident of its own
