"""The exit codes (`docs/cli.md`)."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended. 2 is click's, for arguments that it cannot read."""

    OK = 0
    PROBLEM = 1  # a problem was found: in the configuration, the state folder, or at a destination
    USAGE = 2
    UNREACHABLE = 3  # no kwatch is running on that state folder, or it does not answer
    NO_MATCH = 4  # `kwatch explain`: no rule matches; `kwatch why`: nothing is known
