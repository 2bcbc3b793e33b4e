"""Findings over time: what is open, who is told when, and when to ask again.

Everything here is pure: it takes `now`, does no I/O, reads no clock and logs nothing. `engine.Engine` is the only door;
behind it, from the finding to the notification:

    observe ─▶ book (alerts, members, lifecycle, thresholds) ─▶ started / ended
                    │                                               │
                    ▼                                               ▼
                 notices ──────────────▶ routing ─▶ groups (grouping, muting) ─▶ notifications

At one instant observations come first, then the timers of conditions, then flushes (spec 2.1).
"""
