"""Acknowledgements over HTTP: what they stop, what they answer, and what the audit log keeps (S-67, S-111)."""

from pathlib import Path
from typing import Any

from kwatch.model.identity import incident_id
from kwatch.testing.stage import Stage

CONFIG = """
packs: []
rules:
  - {name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: "False"}}, resolve_hold: 0s}
  - {name: slow, on: resource, match: {kind: Node, condition: {Ready: "False"}}, for: 1h}
route:
  receiver: team
  group_by: [namespace]
  group_wait: 5s
  group_interval: 0s
  repeat_interval: 20m
  escalate: [{after: 10m, receiver: oncall}]
receivers:
  team: [{type: webhook, name: hook, url: "https://example.com/hook"}]
  oncall: [{type: webhook, name: phone, url: "https://example.com/phone"}]
"""
WEB_1, WEB_2 = "not-ready shop/Pod/web-1", "not-ready shop/Pod/web-2"
NOTHING = (
    "nothing that fires has this fingerprint or incident: "
    "the status page and `kwatch why KIND/NAMESPACE/NAME` say which there are"
)


class Play:
    """Two Pods of one incident, and a Node that is pending; answers are (status, body)."""

    def __init__(self, folder: Path, text: str = CONFIG) -> None:
        self.stage = Stage(folder, text)
        self.stage.pod(0, "web-1", ready=False)
        self.stage.pod(0, "web-2", ready=False)
        self.stage.node(0, "n1", ready=False)
        self.answers: list[tuple[int, dict[str, Any]]] = []

    def ask(self, at: float, method: str, target: str = "", body: object = None) -> None:
        """Ask at an instant; `target` is the rule of an alert, an id, or empty for the first incident told of."""

        async def act() -> None:
            alerts = (await self.stage.get("/api/v1/alerts")).json()["alerts"]
            named = {alert["rule"]: alert["fingerprint"] for alert in reversed(alerts)}
            subject = named.get(target, target or self.stage.told[0].document["incident"])
            response = await self.stage.request(method, f"/api/v1/alerts/{subject}/ack", body)
            self.answers.append((response.status_code, response.json()))

        self.stage.at(at, act)

    @property
    def errors(self) -> list[tuple[int, str]]:
        return [(status, answer.get("error", "")) for status, answer in self.answers]


def test_an_alert_is_acknowledged_and_the_other_goes_on(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.ask(60, "POST", "not-ready", {"comment": " the disk\nis replaced "})
    play.stage.run(until=700)
    assert play.stage.lines == [
        f"5 hook firing {WEB_1}, {WEB_2}",
        f"60 hook update {WEB_1}, {WEB_2}",
        f"605 phone firing {WEB_2}",
    ]
    ((status, answer),) = play.answers
    assert status == 200
    (alert,) = answer["alerts"]
    assert (alert["labels"]["name"], alert["acked_by"], alert["ack_comment"]) == (
        "web-1",
        "alice",
        "the disk is replaced",
    )


def test_an_incident_is_acknowledged_whole_and_taken_back(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.ask(60, "POST")
    play.ask(120, "DELETE")
    audit: list[Any] = []

    async def look() -> None:
        audit.extend((await play.stage.get("/api/v1/audit")).json()["changes"])

    play.stage.at(130, look)
    play.stage.run(until=800)
    assert play.stage.lines == [
        f"5 hook firing {WEB_1}, {WEB_2}",
        f"60 hook update {WEB_1}, {WEB_2}",
        f"120 hook update {WEB_1}, {WEB_2}",
        f"720 phone firing {WEB_1}, {WEB_2}",
    ]
    incident = play.stage.told[0].document["incident"]
    both = "not-ready (shop, Pod/web-1), not-ready (shop, Pod/web-2)"
    assert [(entry["actor"], entry["action"], entry["subject"], entry["detail"]) for entry in audit] == [
        ("alice", "acknowledgement withdrawn", incident, both),
        ("alice", "acknowledged", incident, both),
    ]


def test_what_cannot_be_acknowledged_says_why(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.ask(60, "POST", "slow")
    play.ask(60, "POST", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
    play.ask(60, "DELETE", "not-ready")
    play.ask(60, "POST", "kw/kwatch/1")
    play.stage.run(until=70)
    assert play.errors == [
        (400, "slow (Node/n1) is pending: only what fires can be acknowledged"),
        (400, NOTHING),
        (400, "nobody has acknowledged it"),
        (400, "this incident tells of kwatch itself: there is nothing to acknowledge"),
    ]
    assert play.stage.lines == [f"5 hook firing {WEB_1}, {WEB_2}"]


def test_a_digest_is_not_acknowledged_but_its_alerts_are(tmp_path: Path) -> None:
    hook = '{type: webhook, name: hook, url: "https://example.com/hook"}'
    play = Play(tmp_path, CONFIG.replace(hook, hook.replace("}", ', digest: {schedule: "1-59 * * * *"}}')))
    play.ask(70, "POST")
    play.ask(70, "POST", "not-ready")
    play.stage.run(until=80)
    assert [told.document["kind"] for told in play.stage.told] == ["digest"]
    assert play.stage.told[0].document["incident"] == incident_id("digest", 1767268860)
    assert play.errors == [(400, "a digest opens no incident: give the fingerprint of one of its alerts"), (200, "")]


def test_an_acknowledgement_outlives_a_crash(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.ask(60, "POST")
    play.stage.absent(61, 65)
    play.stage.run(until=1500)
    assert play.stage.lines == [f"5 hook firing {WEB_1}, {WEB_2}", f"60 hook update {WEB_1}, {WEB_2}"]
