"""incident.io."""

from kwatch.notify.channels import incidentio
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.incidentio import IncidentIo


class TestIncidentIo(HttpContract):
    channel = incidentio
    vendor = IncidentIo
