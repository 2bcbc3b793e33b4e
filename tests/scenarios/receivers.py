"""A receiver of the machine of `worlds`: what it was sent, what that shows, and what must hold of it at any time."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

#: The bucket of `slow` and its reserve, a fifth on top of it: what it may be told at once, and in a second.
BURST, RATE = 5 + 1, (6 + 1.2) / 60
#: How long attempts are remembered over a crash, in seconds: until an empty bucket is full.
MEMORY = 50
#: The kinds that end an incident, and those that open none.
ENDS = ("resolved", "expired")
ALONE = ("meta", "overflow")

#: One episode of an alert.
Episode = tuple[str, int]


class Receiver:
    """One that may be down, ask to be left alone, or lose its answer after it has taken the message."""

    def __init__(self) -> None:
        self.is_down = False
        self.loses_reply = False
        self.asks_for = 0.0  # seconds that it asks the next attempt to be followed by
        self.left_alone = (0.0, 0.0)  # from when until when
        self.taken: list[dict[str, Any]] = []
        self.lost = 0
        self.attempts: list[float] = []
        self.intruded = False
        self._newest: dict[str, tuple[int, dict[str, Any]]] = {}
        self._ended: dict[Episode, tuple[int, int]] = {}

    def answer(self, request: httpx.Request, now: float) -> httpx.Response:
        self.attempts.append(now)
        self.intruded |= (
            self.left_alone[0] < now < self.left_alone[1] - 0.01
        )  # what was on its way when it asked may come
        if self.is_down:
            return httpx.Response(503)
        if self.asks_for:
            seconds, self.asks_for = self.asks_for, 0.0
            self.left_alone = now, now + seconds
            return httpx.Response(429, headers={"Retry-After": f"{seconds:.0f}"})
        self._take(json.loads(request.content))
        if self.loses_reply:
            self.lost += 1
            return httpx.Response(502)
        return httpx.Response(200)

    def _take(self, document: dict[str, Any]) -> None:
        at, incident = len(self.taken), document["incident"]
        self.taken.append(document)
        self._newest[incident] = at, document
        for alert in document["alerts"]:
            if alert["state"] != "firing":
                known = self._ended.get(_episode(alert), (at, 0))
                self._ended[_episode(alert)] = at, max(known[1], _begun(incident))

    def shown(self) -> dict[Episode, str]:
        """Return what the newest message of each open incident says to be firing: of each episode rule and name.

        What was there at the start is told in one summary, and its end where it belongs: that ends it in both.
        """
        return {
            _episode(alert): f"{alert['rule']} {alert['labels']['name']}"
            for incident, (at, document) in self._newest.items()
            if document["kind"] not in (*ENDS, *ALONE)
            for alert in document["alerts"]
            if alert["state"] == "firing" and not self._is_ended(_episode(alert), at, _begun(incident))
        }

    def _is_ended(self, episode: Episode, at: int, begun: int) -> bool:
        """Whether another message ends it: one that came after that one, or of an incident begun after."""
        ended_at, ended_in = self._ended.get(episode, (-1, -1))
        return ended_at > at or ended_in > begun

    def has_told_of(self, episode: Episode) -> bool:
        """Whether some message has told of an episode."""
        return any(_episode(alert) == episode for document in self.taken for alert in document["alerts"])

    def check_order(self) -> None:
        """I2: what is new comes in order, and nothing new after an end."""
        last: dict[str, int] = {}
        ended: set[str] = set()
        seen: set[str] = set()
        for document in self.taken:
            incident = document["incident"]
            if document["id"] in seen:
                continue
            seen.add(document["id"])
            assert incident not in ended, "I2: told after its end"
            assert document["sequence"] > last.get(incident, 0), "I2: overtaken"
            last[incident] = document["sequence"]
            if document["kind"] in ENDS:
                ended.add(incident)

    def check_repetition(self, crashes: int) -> None:
        """I3: the same message again only after a crash or a lost reply."""
        distinct = {document["id"] for document in self.taken}
        again = len(self.taken) - len(distinct)
        assert again <= crashes + self.lost, "I3: told twice without a cause"

    def check_pace(self, crashes: Iterable[float], settings: Iterable[float]) -> None:
        """I7: in any window no more than the burst and what came back since.

        A process begins with a token and one of the reserve (S-96); with all of them where the clock was set since.
        """
        level, before = 0.0, 0.0
        for at in self.attempts:
            level = max(0.0, level - (at - before) * RATE)
            if any(before <= crash < at for crash in crashes):
                is_forgotten = any(before - MEMORY <= set_at <= at for set_at in settings)
                level = 0.0 if is_forgotten else max(0.0, level - 2)
            level += 1
            assert level <= BURST + 0.01, "I7: more than the pace"
            before = at

    def check_pause(self) -> None:
        """I7: it is left alone for as long as it asked."""
        assert not self.intruded, "I7: sooner than it asked for"


def _episode(alert: Mapping[str, Any]) -> Episode:
    return alert["fingerprint"], alert["episode"]


def _begun(incident: str) -> int:
    return int(incident.rpartition("/")[2])
