"""Rules: what they ask, whether it is true of what was seen, and why. Pure and total; no I/O, no clock."""
