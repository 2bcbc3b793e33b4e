"""Sending what was decided: one worker per destination, each behind its own gate (spec 3)."""
