"""Alertmanager, one replica behind a proxy."""

from kwatch.notify.channels import alertmanager
from kwatch.testing.contract import IncidentContract, StatusContract
from kwatch.testing.vendors.alertmanager import Alertmanager


class TestAlertmanager(StatusContract, IncidentContract):
    channel = alertmanager
    vendor = Alertmanager

    # Each alert is one there; whoever gets the Alertmanager's own messages reads how many there are.
    test_a_group_names_what_it_groups = None
    test_a_thousand_alerts_are_counted_not_listed = None
    # It is the same alert there, with another start.
    test_the_next_episode_is_an_incident_of_its_own = None
