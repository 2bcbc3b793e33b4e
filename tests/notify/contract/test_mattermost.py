"""Mattermost, by a bot and by an incoming webhook."""

from kwatch.notify.channels import mattermost
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.mattermost import Mattermost, MattermostHook


class TestMattermost(HttpContract):
    channel = mattermost
    vendor = Mattermost


class TestMattermostHook(HttpContract):
    channel = mattermost
    vendor = MattermostHook
