"""Self-service: what the owners of an object may ask of kwatch by its annotations, as far as they are allowed to.

An annotation chooses among what the configuration names; it never brings an address of its own.
"""

from datetime import timedelta
from enum import Enum

import msgspec

from kwatch.model.rules import Severity

#: What the keys of such annotations begin with.
PREFIX = "kwatch/"


class Wish(Enum):
    """The annotations that kwatch reads."""

    MUTE_UNTIL = "kwatch/mute-until"
    MUTE_REASON = "kwatch/mute-reason"
    RECEIVER = "kwatch/receiver"
    SEVERITY = "kwatch/severity"
    RUNBOOK = "kwatch/runbook"
    WATCH = "kwatch/watch"


class Watching(Enum):
    """What `kwatch/watch` decides."""

    ALL = "all"  # nothing
    OPT_OUT = "opt-out"  # all is watched but what says "false"
    OPT_IN = "opt-in"  # only what says "true"


class SelfService(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed. A wish that is not is ignored, and counted."""

    longest_mute: timedelta = timedelta(days=7)  # from when it is read; 0: nobody may mute
    runbook: bool = True
    receivers: frozenset[str] = frozenset()  # those that may be chosen
    severities: frozenset[Severity] = frozenset()  # those that may be chosen
    lower_critical: bool = False  # what a rule calls critical may be called less
    watch: Watching = Watching.ALL

    def choices(self, severity: Severity) -> frozenset[Severity]:
        """Return the severities that may be chosen instead of a rule's."""
        is_kept = severity is Severity.CRITICAL and not self.lower_critical
        return frozenset() if is_kept else self.severities

    def allows(self, wish: Wish) -> bool:
        """Return whether an annotation may do something."""
        match wish:
            case Wish.MUTE_UNTIL | Wish.MUTE_REASON:
                return bool(self.longest_mute)
            case Wish.RECEIVER:
                return bool(self.receivers)
            case Wish.SEVERITY:
                return bool(self.severities)
            case Wish.RUNBOOK:
                return self.runbook
            case Wish.WATCH:
                return self.watch is not Watching.ALL
