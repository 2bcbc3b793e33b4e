"""A time line in YAML, played into a fake cluster.

    repeat: 3m                    # optional: begin again after so long
    steps:
      - at: 10s
        apply: {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, status: {phase: Running}}
      - at: 12s
        event: {regarding: {kind: Pod, name: web, namespace: shop}, type: Warning, reason: BackOff,
                message: Back-off restarting failed container, component: kubelet, host: node-1}
      - {at: 20s, delete: {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}}}
      - {at: 21s, strike: {effect: drop, path: "*/pods"}}       # on watches that are open
      - {at: 22s, fault: {effect: too_many, times: 2}}          # on the next requests
      - {at: 30s, compact: all}
      - {at: 31s, forbid: {verb: list, resource: pods}}
      - {at: 32s, allow: {verb: list, resource: pods}}
      - {at: 33s, tokens: [second]}

`apply` creates, or merges into what is there (RFC 7396). The text `$now` stands for the time of the step.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.events import Recorder
from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.fake.objects import timestamp

#: What the demonstration shows: some minutes of incidents and recoveries, again and again.
DEMO = Path(__file__).with_name("demo.yaml")
NOW = "$now"
VERBS = ("apply", "delete", "event", "fault", "strike", "compact", "forbid", "allow", "tokens")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, `at` seconds after the beginning."""

    at: float
    verb: str
    argument: Any


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps in the order of their times. `repeat`: seconds until the next round; None: there is one round."""

    steps: tuple[Step, ...]
    repeat: float | None = None


def load_scenario(path: Path) -> Scenario:
    """Read a time line. Raise ValueError naming the step that is wrong."""
    return read_scenario(path.read_text(encoding="utf-8"))


def read_scenario(text: str) -> Scenario:
    """Read a time line from YAML text. Raise ValueError."""
    content = yaml.safe_load(text)
    steps = [_step(number, entry) for number, entry in enumerate(content["steps"], start=1)]
    repeat = content.get("repeat")
    in_order = tuple(sorted(steps, key=lambda step: step.at))
    return Scenario(in_order, None if repeat is None else _seconds(repeat))


class ScenarioPlayer:
    """Plays one scenario into one cluster, in the time of the cluster's clock."""

    def __init__(self, scenario: Scenario, cluster: FakeCluster) -> None:
        self._scenario, self._cluster = scenario, cluster
        self._recorder = Recorder(cluster)
        self._done = 0

    def begin(self) -> None:
        """Do the steps at zero at once, so that a client finds them done."""
        while self._done < len(self._scenario.steps) and self._scenario.steps[self._done].at == 0:
            self._perform(self._scenario.steps[self._done])
            self._done += 1

    async def run(self) -> None:
        """Do the rest in time; return at the end, never if it repeats."""
        clock = self._cluster.clock
        began = clock.monotonic()
        while True:
            for step in self._scenario.steps[self._done :]:
                await clock.sleep(began + step.at - clock.monotonic())
                self._perform(step)
            if self._scenario.repeat is None:
                return
            self._done, began = 0, began + self._scenario.repeat

    def _perform(self, step: Step) -> None:
        argument = _with_time(step.argument, timestamp(self._cluster.clock.now()))
        match step.verb:
            case "apply":
                self._cluster.apply(argument)
            case "delete":
                self._cluster.delete(argument)
            case "event":
                self._recorder.emit(**argument)
            case "fault":
                self._cluster.faults.add(_fault(argument))
            case "strike":
                self._cluster.strike(_fault(argument))
            case "compact":
                self._cluster.compact()
            case "forbid":
                self._cluster.access.forbid(**argument)
            case "allow":
                self._cluster.access.allow(**argument)
            case "tokens":
                self._cluster.access.set_tokens(*argument)


def _step(number: int, entry: Mapping[str, Any]) -> Step:
    verbs = [word for word in entry if word != "at"]
    if len(verbs) != 1 or verbs[0] not in VERBS:
        raise ValueError(f"step {number}: one of {', '.join(VERBS)} is wanted, not {', '.join(verbs) or 'nothing'}")
    return Step(_seconds(entry.get("at", "0s")), verbs[0], entry[verbs[0]])


def _seconds(text: str) -> float:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(text))
    if parts is None:
        raise ValueError(f"{text!r} is no duration such as 10s or 3m")
    return float(parts[1]) * SECONDS[parts[2]]


def _fault(words: Mapping[str, Any]) -> Fault:
    return Fault(**{**words, "effect": Effect(words["effect"])})


def _with_time(value: Any, now: str) -> Any:
    match value:
        case dict():
            return {key: _with_time(part, now) for key, part in value.items()}
        case list():
            return [_with_time(part, now) for part in value]
    return now if value == NOW else value
