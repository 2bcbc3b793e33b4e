"""Ways out: how a notification becomes a message, and how the message gets to its destination.

A channel is one file in `channels/`; channels do not know each other. Deciding what to tell whom is not done here.
"""
