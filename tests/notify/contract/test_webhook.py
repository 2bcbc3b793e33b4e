"""The webhook, signed."""

from kwatch.notify.channels import webhook
from kwatch.testing.contract import StatusContract
from kwatch.testing.vendors.webhook import Receiver


class TestWebhook(StatusContract):
    channel = webhook
    vendor = Receiver
