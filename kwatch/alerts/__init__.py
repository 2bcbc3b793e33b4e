"""Findings over time: what is open, who is told when, and when to ask again.

Everything here is pure: it takes `now`, does no I/O, reads no clock and logs nothing. `engine.Engine` is the only door:
it has `parts`, each with a state of its own, and leaves it to `consequences` which of them must know what another has
decided, to `deadlines` what is due, and to `memory` what must survive a restart; `insight` looks at all of it and
changes nothing. From the finding to the notification:

    finding ─▶ book ─▶ episodes ─▶ began, ended ─▶ consequences ─▶ membership ─▶ groups ─▶ teller ─▶ notification
                │          │                                           ▲                              ▲
                └─ register, claims                                directory                    summaries
    moment ──▶ notices ─────────────────────────────────────────────────────────────────────────▶ notification

What holds an alert back (`muting`) is a silence, an alert that explains it (`inhibition`) or a window of its route;
when one of these begins or ends is the business of `edges`. `summaries` speak for several groups at once.

At one instant observations come first, then the timers of conditions, then these edges, then flushes (spec 2.1).
"""
