"""Ids, derived from what they name: the same over restarts, processes and machines (spec 2.2).

Every id is the digest of canonical JSON (UTF-8, sorted keys, no whitespace), so that no two different values can be
joined into the same text (S-25).
"""

from base64 import b32encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

_CANONICAL = msgspec.json.Encoder(order="deterministic")


def fingerprint(cluster: str, rule_id: str, key: Mapping[str, str]) -> str:
    """Name an alert: one rule with one set of key values. A value that is missing is the empty string (S-24)."""
    return _digest({"v": 1, "cluster": cluster, "rule_id": rule_id, "key": key})


def group_id(cluster: str, receiver: str, labels: Mapping[str, str]) -> str:
    """Name a group by its receiver and its `group_by` values; the route's matchers are no part of it (D3, S-60)."""
    return _digest({"v": 1, "cluster": cluster, "receiver": receiver, "labels": labels})


def incident_id(group: str, episode: int) -> str:
    """Name what a destination holds open for the n-th episode of a group."""
    return f"kw/{group}/{episode}"


def notification_id(incident: str, destination: str, sequence: int) -> str:
    """Name one notification: the idempotency key of all its attempts."""
    return _digest({"v": 1, "incident": incident, "destination": destination, "sequence": sequence})


def silence_id(match: str, owner: str, created_at: datetime) -> str:
    """Name a silence, shortly: people write it."""
    return _digest({"v": 1, "match": match, "owner": owner, "created_at": created_at})[:10]


def click_id(pressed_at: str, user: str, value: str) -> str:
    """Name the press of a button, as the vendor tells of it each time, and the silence that it makes."""
    return _digest({"v": 1, "pressed_at": pressed_at, "user": user, "value": value})[:10]


def _digest(named: Mapping[str, object]) -> str:
    digest = sha256(_CANONICAL.encode(named)).digest()
    return b32encode(digest[:17]).decode()[:26].lower()  # 26 letters are the first 130 bits
