"""Slack, by a bot and by an incoming webhook."""

from kwatch.notify.channels import slack
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.slack import Slack, SlackWebhook


class TestSlack(HttpContract):
    channel = slack
    vendor = Slack


class TestSlackWebhook(HttpContract):
    channel = slack
    vendor = SlackWebhook
