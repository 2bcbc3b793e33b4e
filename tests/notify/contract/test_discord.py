"""Discord, in a channel and in a forum."""

from kwatch.notify.channels import discord
from kwatch.testing.contract import BodyContract, EditContract, ThreadContract
from kwatch.testing.vendors.discord import Discord, DiscordForum


class TestDiscord(BodyContract, EditContract):
    channel = discord
    vendor = Discord


class TestDiscordForum(BodyContract, ThreadContract, EditContract):
    channel = discord
    vendor = DiscordForum
