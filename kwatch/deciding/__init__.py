"""From watch events to decisions, without waiting for anything.

    WatchEvent ─normalise─▶ KubeEvent ─count─▶ Contribution ┐
    WatchEvent ─cache─▶ ObjectChange ───────────────────────┴─rules─▶ Finding ─▶ engine ─▶ Decision

`decider` is the door: it leaves the frames of Events to `events` and those of objects to `objects`. What these know
beside the cache and the engine has a place each: `counts` of Events, `coverage` of what was seen, `parked` for what
waits for an object, `hearing` for the silence of emitters, `wishing` for annotations, `unwritten` for what has to
survive.
"""
