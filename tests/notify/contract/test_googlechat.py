"""Google Chat."""

from kwatch.notify.channels import googlechat
from kwatch.testing.contract import BodyContract, ThreadContract
from kwatch.testing.vendors.googlechat import GoogleChat


class TestGoogleChat(BodyContract, ThreadContract):
    channel = googlechat
    vendor = GoogleChat
