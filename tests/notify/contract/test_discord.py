"""Discord."""

from kwatch.notify.channels import discord
from kwatch.testing.contract import BodyContract, EditContract
from kwatch.testing.vendors.discord import Discord


class TestDiscord(BodyContract, EditContract):
    channel = discord
    vendor = Discord
