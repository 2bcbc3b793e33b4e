"""From watch frames to observations: streams, normalised Events, the cache of objects, counting.

`stream` waits and reads; `normalise`, `cache` and `counting` decide nothing about time and do no I/O.
"""
