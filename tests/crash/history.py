"""Whether what a receiver recorded is what it should have been told, crashes and all. Pure.

A subject (an object by its name) goes through rounds; what is owed for a round depends on how it ended:

    CERTAIN   it lasts until it was told, and the next begins after its end was told: told once each, no more, no less.
    BRIEF     it ends when it likes. While kwatch is dead nobody sees it begin or end, and an object keeps no history:
              so nothing, or its beginning and its end; two rounds with nobody there between them may be told as one.
              Never a beginning alone, nor an end alone.
    MOMENT    Kubernetes events: the API server keeps them, the watch goes on where the last commit ended. And objects
              that come, go, or are noticed in a state that lasts: a list shows that, and what was known before is
              kept. Told once each, however often kwatch died meanwhile.

What begins while nobody watches and lasts is told as late.

A message of an incident is a snapshot: what it does not list as firing is over. A message is a repetition when its key
(`webhook-id`, Message-ID) was seen before. Each needs a cause of its own, between it and the one before: a crash, which
repeats one request at most, or an answer that the receiver owed. In a lane (incident) the sequence never falls, and
nothing comes after the end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What is owed for the rounds of a subject; see the module's words."""

    CERTAIN = "certain"
    BRIEF = "brief"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Expected:
    """A subject's rounds."""

    kind: Kind
    rounds: int
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One request as the receiver read it. `is_answered` False: it cut the connection instead."""

    at: float
    id: str
    incident: str
    sequence: int
    kind: str
    firing: frozenset[str]
    ended: frozenset[str]
    late: frozenset[str] = frozenset()
    body: bytes
    is_answered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was to be told, what was read, when each process of kwatch began (one clock, in seconds), and the kills."""

    expected: Mapping[str, Expected]
    receipts: tuple[Receipt, ...]
    starts: tuple[float, ...]
    crashes: int


class Board:
    """What somebody knows who reads each message once.

    Incidents are lanes of their own: the beginning of a subject's next one may overtake the end of its last.
    """

    def __init__(self) -> None:
        self.open: dict[str, set[str]] = defaultdict(set)  # subject → its incidents
        self.begun: Counter[str] = Counter()
        self.moments: Counter[str] = Counter()
        self._ids: set[str] = set()

    def is_open(self, name: str) -> bool:
        return bool(self.open.get(name))

    def take(self, receipt: Receipt) -> list[str]:
        """Read one message, and return what is absurd in it."""
        if receipt.id in self._ids:
            return []
        self._ids.add(receipt.id)
        if receipt.kind == "notice":
            self.moments.update(receipt.firing | receipt.ended)
            return []
        for name in receipt.firing:
            self.begun[name] += receipt.incident not in self.open[name]
            self.open[name].add(receipt.incident)
        return self._end(receipt)

    def _end(self, receipt: Receipt) -> list[str]:
        """What a snapshot does not list is over; what a summary has opened is ended in a lane of its own."""
        absurd = []
        for name in receipt.ended:
            if receipt.incident in self.open[name]:
                continue
            summary = next((incident for incident in self.open[name] if incident.startswith("kw/summary/")), "")
            self.open[name].discard(summary)
            if not summary:
                absurd.append(f"{receipt.id}: {name} ends and never began")
        for name, incidents in self.open.items():
            if name not in receipt.firing:
                incidents.discard(receipt.incident)
        return absurd


def violations(history: History) -> tuple[str, ...]:
    """Return everything that is wrong, in words; nothing when all promises were kept."""
    return (
        *_strangers(history),
        *_too_many(history),
        *_repetitions(history),
        *_disorder(history),
        *_unmarked(history),
        *_untold(history),
    )


def repetitions(history: History) -> int:
    """Return how many requests were not the first with their id."""
    return len(history.receipts) - len({receipt.id for receipt in history.receipts})


def _strangers(history: History) -> Iterator[str]:
    for receipt in history.receipts:
        for name in sorted((receipt.firing | receipt.ended) - set(history.expected)):
            yield f"{receipt.id}: {name} was never wrong"
        if receipt.kind not in ("firing", "update", "resolved", "notice", "summary"):
            yield f"{receipt.id}: nobody asked for a message of kind {receipt.kind}"


def _too_many(history: History) -> Iterator[str]:
    """I3: no more repetitions than crashes, and answers that were owed."""
    owed = sum(not receipt.is_answered for receipt in history.receipts)
    if repetitions(history) > history.crashes + owed:
        yield f"{repetitions(history)} repetitions after {history.crashes} crashes and {owed} lost answers"


def _repetitions(history: History) -> Iterator[str]:
    """I3: the same bytes under the same key, each time for a reason, and one after a crash."""
    last: dict[str, Receipt] = {}
    by_start: Counter[float] = Counter()
    for receipt in history.receipts:
        before = last.get(receipt.id)
        last[receipt.id] = receipt
        if before is None:
            continue
        if before.body != receipt.body:
            yield f"{receipt.id}: repeated with other bytes"
        starts = [start for start in history.starts if before.at < start < receipt.at]
        if before.is_answered and starts:
            by_start[starts[0]] += 1
        elif before.is_answered:
            yield f"{receipt.id}: repeated without a crash or a lost answer"
    for start, count in by_start.items():
        if count > 1:
            yield f"{count} repetitions after the crash before {start:.3f}"


def _disorder(history: History) -> Iterator[str]:
    """I2: per incident a beginning, changes, an end, each under one key."""
    lanes: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in history.receipts:
        lanes[receipt.incident].append(receipt)
    for incident, lane in lanes.items():
        sequences = [receipt.sequence for receipt in lane]
        keys = Counter(sequence for sequence, _ in {(receipt.sequence, receipt.id) for receipt in lane})
        for sequence in sorted(sequence for sequence, count in keys.items() if count > 1):
            yield f"{incident}: message {sequence} under {keys[sequence]} keys"
        if sequences != sorted(sequences):
            yield f"{incident}: out of order: {sequences}"
        kinds = [receipt.kind for receipt in {receipt.id: receipt for receipt in lane}.values()]
        if "firing" in kinds[1:] or "resolved" in kinds[:-1]:
            yield f"{incident}: not a beginning, changes and an end: {kinds}"


def _unmarked(history: History) -> Iterator[str]:
    """What began while nobody watched says so in the first message of it."""
    for name in sorted(name for name, owed in history.expected.items() if owed.is_late):
        first = next((receipt for receipt in history.receipts if name in receipt.firing), None)
        if first is not None and name not in first.late:
            yield f"{first.id}: {name} began while nobody watched, and is not marked late"


def _untold(history: History) -> Iterator[str]:
    """I1 and I4: what is owed for each subject, and that nothing is left open."""
    board = Board()
    for receipt in history.receipts:
        yield from board.take(receipt)
    for name, incidents in sorted(board.open.items()):
        yield from (f"{name}: never told to be over in {incident}" for incident in sorted(incidents))
    for name, owed in sorted(history.expected.items()):
        yield from _compare(name, owed, board.begun[name], board.moments[name])


def _compare(name: str, owed: Expected, begun: int, told: int) -> Iterator[str]:
    wanted = owed.rounds
    match owed.kind:
        case Kind.CERTAIN:
            is_kept = (begun, told) == (wanted, 0)
        case Kind.BRIEF:
            is_kept = begun <= wanted and told == 0
        case Kind.MOMENT:
            is_kept = (begun, told) == (0, wanted)
    if not is_kept:
        yield f"{name} ({owed.kind.value}, {wanted} rounds): told to begin {begun} times, as a moment {told} times"
