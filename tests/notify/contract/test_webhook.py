"""The webhook, signed."""

from kwatch.notify.channels import webhook
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.webhook import Receiver


class TestWebhook(HttpContract):
    channel = webhook
    vendor = Receiver
