"""kwatch and PagerDuty, in virtual time: who is called, and what is open there, is what is so."""

from pathlib import Path

import httpx

from kwatch.testing.stage import Stage
from kwatch.testing.vendors.pagerduty import PagerDuty
from tests.scenarios.plays import Silences

RESET = httpx.ReadError("reset")
OLD, NEW = "0" * 31 + "a", "0" * 31 + "b"
CONFIG = """
packs: []
rules:
  - name: not-ready
    on: resource
    match: {kind: Pod, condition: {Ready: "False"}}
    key: [namespace, name]
    severity: critical
    resolve_hold: 0s
  - name: slow
    on: resource
    match: {kind: Pod, condition: {Slow: "True"}}
    key: [namespace, name]
    severity: warning
    resolve_hold: 0s
route: {receiver: team, group_by: [namespace], group_wait: 5s, group_interval: 0s}
receivers:
  team:
    - {type: pagerduty, name: pager, routing_key: {file: FOLDER/routing-key}}
    - {type: webhook, name: hook, url: "https://example.com/hook"}
"""


class Play:
    """A stage with PagerDuty; incidents are named by the Pod that they tell of, or as shared."""

    def __init__(self, folder: Path, text: str = CONFIG) -> None:
        self.folder = folder
        self.stage = Stage(folder, text)
        self.vendor = PagerDuty(self.stage.clock)
        self.rotate(*self.vendor.routing_keys)
        self.stage.hosts["events.pagerduty.com"] = self.answer
        self.faults: list[httpx.Response | Exception] = []  # of the next events; RESET: it was taken before

    async def answer(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or fault is RESET:
            answer = await self.vendor.answer(request)
            fault = fault or answer
        if isinstance(fault, Exception):
            raise fault
        return fault

    def rotate(self, *keys: str) -> None:
        """Let these be the keys from now on; PagerDuty knows the old ones, too."""
        self.vendor.routing_keys |= set(keys)
        (self.folder / "routing-key").write_text(" ".join(keys))

    @property
    def incidents(self) -> list[str]:
        return [f"{_name(incident.event['payload']['source'])} {incident.state}" for incident in self.vendor.incidents]

    @property
    def said_of_itself(self) -> list[str]:
        return [line for line in self.stage.lines if " meta " in line]


def _name(source: str) -> str:
    return source.rpartition("/")[2]


def test_each_critical_alert_calls_and_ends_by_itself(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(0, "web-1", ready=False)
    play.stage.ack(60, "not-ready")
    play.stage.pod(120, "web-2", ready=False)
    play.stage.pod(300, "web-1", ready=True)
    play.stage.run(until=400)
    assert play.incidents == ["web-1 resolved", "web-2 triggered"]
    assert play.vendor.incidents[0].log == ["trigger", "acknowledge", "acknowledge", "resolve"]
    assert len(play.vendor.calls) == 2


def test_S39_again_within_the_reopen_window_is_a_new_incident_with_a_new_key(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(0, ready=False)
    play.stage.pod(100, ready=True)
    play.stage.pod(400, ready=False)
    play.stage.run(until=3600)
    assert play.stage.lines == [
        "5 hook firing not-ready shop/Pod/web-1",
        "100 hook resolved not-ready shop/Pod/web-1",
        "405 hook firing not-ready shop/Pod/web-1",
    ]
    assert play.incidents == ["web-1 resolved", "web-1 triggered"]
    assert [incident.log for incident in play.vendor.incidents] == [["trigger", "resolve"], ["trigger"]]
    first, second = play.vendor.calls
    assert first != second


def test_S41_a_rule_removed_while_it_fires_ends_its_incident_by_the_key_that_opened_it(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.at(-20, lambda: play.rotate(OLD))
    play.stage.pod(0, ready=False)
    play.stage.at(60, lambda: play.rotate(NEW, OLD))
    rule = CONFIG[CONFIG.index("  - name: not-ready") : CONFIG.index("  - name: slow")]
    play.stage.reload(100, CONFIG.replace(rule, ""))
    play.stage.run(until=3600)
    assert play.stage.lines == [
        "5 hook firing not-ready shop/Pod/web-1",
        "100 hook expired not-ready shop/Pod/web-1",
    ]
    (incident,) = play.vendor.incidents
    assert (incident.routing_key, incident.log) == (OLD, ["trigger", "resolve"])


def test_S49_what_becomes_critical_calls_at_once_by_an_incident_of_its_own(tmp_path: Path) -> None:
    play = Play(tmp_path, CONFIG.replace("severity: critical", "severity: warning"))
    called: list[int] = []
    play.stage.pod(0, ready=False)
    play.stage.reload(60, CONFIG)
    for at in (59, 60.5):
        play.stage.at(at, lambda: called.append(len(play.vendor.calls)))
    play.stage.pod(300, ready=True)
    play.stage.run(until=3600)
    assert play.stage.lines == [
        "5 hook firing not-ready shop/Pod/web-1",
        "60 hook update not-ready shop/Pod/web-1",
        "300 hook resolved not-ready shop/Pod/web-1",
    ]
    assert called == [1, 2]
    assert [incident.log for incident in play.vendor.incidents] == [["trigger", "resolve"]] * 2


def test_S79_a_silence_leaves_no_incident_open(tmp_path: Path) -> None:
    play = Play(tmp_path)
    Silences(play.stage).add(100, {"namespace": "shop"}, until=200)
    play.stage.pod(45, ready=False)
    play.stage.pod(150, ready=True)
    play.stage.run(until=3600)
    assert play.stage.lines == [
        "50 hook firing not-ready shop/Pod/web-1",
        "150 hook resolved not-ready shop/Pod/web-1",
    ]
    assert play.incidents == ["web-1 resolved"]
    assert play.vendor.incidents[0].log == ["trigger", "resolve"]
    assert len(play.vendor.calls) == 1


def test_S115_S116_what_flaps_is_one_incident_until_it_is_stable(tmp_path: Path) -> None:
    play = Play(tmp_path)
    for turn in range(12):
        play.stage.pod(100 * turn, ready=bool(turn % 2))
    play.stage.run(until=7200)
    assert play.stage.lines == [
        "5 hook firing not-ready shop/Pod/web-1",
        "100 hook resolved not-ready shop/Pod/web-1",
        "205 hook firing not-ready shop/Pod/web-1",
        "305 hook update not-ready shop/Pod/web-1",
        "2000 hook resolved not-ready shop/Pod/web-1",
    ]
    assert [incident.log for incident in play.vendor.incidents] == [["trigger", "resolve"]] * 2
    assert len(play.vendor.calls) == 2


def test_F14_an_answer_that_is_lost_calls_nobody_twice(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.faults = [RESET, RESET]
    play.stage.pod(0, ready=False)
    play.stage.pod(120, ready=True)
    play.stage.run(until=300)
    assert play.incidents == ["web-1 resolved"]
    assert play.vendor.incidents[0].log == ["trigger", "trigger", "trigger", "resolve"]
    assert len(play.vendor.calls) == 1


def test_F15_three_errors_then_success_are_one_incident(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.faults = [httpx.Response(500) for _ in range(3)]
    play.stage.pod(0, ready=False)
    play.stage.run(until=60)
    assert (play.incidents, len(play.vendor.calls)) == (["web-1 triggered"], 1)
    assert play.stage.counted("attempts", destination="pager", outcome="ambiguous", reason="server") == 3


def test_F04_a_kill_after_the_call_calls_nobody_twice(tmp_path: Path) -> None:
    play = Play(tmp_path)

    async def answer_and_kill(request: httpx.Request) -> httpx.Response:
        play.stage.hosts["events.pagerduty.com"] = play.answer
        await play.vendor.answer(request)
        play.stage.kill()
        raise httpx.ReadError("gone")

    play.stage.hosts["events.pagerduty.com"] = answer_and_kill
    play.stage.pod(0, ready=False)
    play.stage.pod(120, ready=True)
    play.stage.run(until=300)
    assert play.incidents == ["web-1 resolved"]
    assert len(play.vendor.calls) == 1


def test_F28_the_end_waits_for_a_call_that_is_delayed(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.faults = [httpx.ConnectError("refused"), httpx.Response(503, headers={"Retry-After": "60"})]
    play.stage.pod(0, ready=False)
    play.stage.pod(30, ready=True)
    play.stage.run(until=300)
    assert play.incidents == ["web-1 resolved"]


def test_F30_an_end_is_sent_though_nobody_knows_whether_the_call_arrived(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.faults = [RESET, httpx.Response(400, json={"errors": ["?"]}), httpx.Response(400, json={"errors": ["?"]})]
    play.stage.pod(0, ready=False)
    play.stage.pod(120, ready=True)
    play.stage.run(until=300)
    assert play.incidents == ["web-1 resolved"]


def test_F31_after_a_rotation_each_incident_ends_by_the_key_that_opened_it(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.at(-20, lambda: play.rotate(OLD))
    play.stage.pod(0, "web-1", ready=False)
    play.stage.at(60, lambda: play.rotate(NEW, OLD))
    play.stage.pod(120, "web-2", ready=False)
    play.stage.pod(180, "web-1", ready=True)
    play.stage.pod(240, "web-2", ready=True)
    play.stage.run(until=300)
    assert [(incident.routing_key, incident.state) for incident in play.vendor.incidents] == [
        (OLD, "resolved"),
        (NEW, "resolved"),
    ]


def test_F31_an_incident_whose_key_is_gone_is_dead_and_others_are_told(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.at(-20, lambda: play.rotate(OLD))
    play.stage.pod(0, ready=False)
    play.stage.at(60, lambda: play.rotate(NEW))
    play.stage.pod(120, ready=True)
    play.stage.run(until=7200)
    assert play.incidents == ["web-1 triggered"]
    assert play.stage.counted("dead_letters", destination="pager", reason="orphaned") == 1
    assert [line.partition(" ")[2] for line in play.said_of_itself] == [
        "hook meta 1 message was not delivered to pager (orphaned)."
    ]
    (told,) = [told.document["message"] for told in play.stage.told if told.kind == "meta"]
    assert "Incidents stay open there: close them by hand." in told


def test_what_was_wrong_at_the_first_start_is_called_and_ended(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.stage.pod(-40, "web-1", ready=False, since=-900)
    play.stage.pod(120, "web-1", ready=True)
    play.stage.run(until=300)
    assert play.incidents == ["web-1 resolved"]  # and none for the list itself, which nobody could close


def test_a_warning_that_others_share_ends_when_all_of_it_has(tmp_path: Path) -> None:
    play = Play(tmp_path)
    slow = {"conditions": [{"type": "Slow", "status": "True"}]}
    well = {"conditions": [{"type": "Slow", "status": "False"}]}
    play.stage.pod(0, "web-1", status=slow)
    play.stage.pod(30, "web-2", status=slow)
    play.stage.pod(60, "web-1", status=well)
    play.stage.at(90, lambda: states.append(play.vendor.incidents[0].state))
    play.stage.pod(120, "web-2", status=well)
    states: list[str] = []
    play.stage.run(until=300)
    assert (states, len(play.vendor.calls)) == (["triggered"], 1)
    assert [incident.state for incident in play.vendor.incidents] == ["resolved"]
