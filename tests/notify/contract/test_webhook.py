"""The webhook, signed, in each format."""

from collections.abc import Mapping
from typing import Any

from kwatch.notify.channels import webhook
from kwatch.testing.contract import StatusContract
from kwatch.testing.vendors.webhook import Receiver


class TestWebhook(StatusContract):
    channel = webhook
    vendor = Receiver


class CloudEvents(Receiver):
    keys: Mapping[str, Any] = {**Receiver.keys, "format": "cloudevents"}


class TestCloudEvents(StatusContract):
    channel = webhook
    vendor = CloudEvents


class CloudEventsBinary(Receiver):
    keys: Mapping[str, Any] = {**Receiver.keys, "format": "cloudevents-binary"}


class TestCloudEventsBinary(StatusContract):
    channel = webhook
    vendor = CloudEventsBinary
