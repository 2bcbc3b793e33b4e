"""Slack, by a bot, without and with buttons, and by an incoming webhook."""

from kwatch.notify.channels import slack
from kwatch.testing.contract import BodyContract, EditContract, ThreadContract
from kwatch.testing.vendors.slack import Slack, SlackWebhook
from kwatch.testing.vendors.slack_buttons import SlackButtons


class TestSlack(BodyContract, ThreadContract, EditContract):
    channel = slack
    vendor = Slack


class TestSlackButtons(BodyContract, ThreadContract, EditContract):
    channel = slack
    vendor = SlackButtons


class TestSlackWebhook(BodyContract):
    channel = slack
    vendor = SlackWebhook
