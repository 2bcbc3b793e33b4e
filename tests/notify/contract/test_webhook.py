"""The webhook, signed: kwatch's own document, and CloudEvents in both forms."""

from collections.abc import Mapping
from typing import Any

from kwatch.notify.channels import webhook
from kwatch.testing.contract import StatusContract
from kwatch.testing.vendors.webhook import Receiver


class Structured(Receiver):
    keys: Mapping[str, Any] = {**Receiver.keys, "format": "cloudevents"}


class Binary(Receiver):
    keys: Mapping[str, Any] = {**Receiver.keys, "format": "cloudevents-binary"}


class TestWebhook(StatusContract):
    channel = webhook
    vendor = Receiver


class TestWebhookCloudevents(StatusContract):
    channel = webhook
    vendor = Structured


class TestWebhookCloudeventsBinary(StatusContract):
    channel = webhook
    vendor = Binary
