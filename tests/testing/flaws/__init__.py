"""Channels that are wrong in one thing each, around a sound one: the contract has to refuse them."""
