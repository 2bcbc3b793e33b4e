"""Slack, by a bot and by an incoming webhook."""

from kwatch.notify.channels import slack
from kwatch.testing.contract import BodyContract, EditContract, ThreadContract
from kwatch.testing.vendors.slack import Slack, SlackWebhook


class TestSlack(BodyContract, ThreadContract, EditContract):
    channel = slack
    vendor = Slack


class TestSlackWebhook(BodyContract):
    channel = slack
    vendor = SlackWebhook
