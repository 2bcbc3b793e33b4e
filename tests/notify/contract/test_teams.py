"""Microsoft Teams."""

from kwatch.notify.channels import teams
from kwatch.testing.contract import StatusContract
from kwatch.testing.vendors.teams import Teams


class TestTeams(StatusContract):
    channel = teams
    vendor = Teams
