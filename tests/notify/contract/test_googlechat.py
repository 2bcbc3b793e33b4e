"""Google Chat."""

from kwatch.notify.channels import googlechat
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.googlechat import GoogleChat


class TestGoogleChat(HttpContract):
    channel = googlechat
    vendor = GoogleChat
