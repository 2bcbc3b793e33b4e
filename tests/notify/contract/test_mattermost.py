"""Mattermost, by a bot and by an incoming webhook."""

from kwatch.notify.channels import mattermost
from kwatch.testing.contract import BodyContract, EditContract, ThreadContract
from kwatch.testing.vendors.mattermost import Mattermost, MattermostHook


class TestMattermost(BodyContract, ThreadContract, EditContract):
    channel = mattermost
    vendor = Mattermost


class TestMattermostHook(BodyContract):
    channel = mattermost
    vendor = MattermostHook
