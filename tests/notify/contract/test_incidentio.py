"""incident.io."""

from kwatch.notify.channels import incidentio
from kwatch.testing.contract import BodyContract
from kwatch.testing.vendors.incidentio import IncidentIo
from tests.notify.contract.calling import CallingContract


class TestIncidentIo(CallingContract, BodyContract):
    channel = incidentio
    vendor = IncidentIo
