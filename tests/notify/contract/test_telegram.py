"""Telegram."""

from kwatch.notify.channels import telegram
from kwatch.testing.contract import BodyContract, EditContract, ThreadContract
from kwatch.testing.vendors.telegram import Telegram


class TestTelegram(BodyContract, ThreadContract, EditContract):
    channel = telegram
    vendor = Telegram
