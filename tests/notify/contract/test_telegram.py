"""Telegram."""

from kwatch.notify.channels import telegram
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.telegram import Telegram


class TestTelegram(HttpContract):
    channel = telegram
    vendor = Telegram
