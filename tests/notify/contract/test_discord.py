"""Discord."""

from kwatch.notify.channels import discord
from kwatch.testing.contract import HttpContract
from kwatch.testing.vendors.discord import Discord


class TestDiscord(HttpContract):
    channel = discord
    vendor = Discord
