"""Microsoft Teams."""

from kwatch.notify.channels import teams
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.teams import Teams


class TestTeams(HttpContract):
    channel = teams
    vendor = Teams
