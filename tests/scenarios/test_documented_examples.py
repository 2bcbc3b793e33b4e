"""T14: what the documentation shows does what the text around it says, each example by a play.

What only the outside has is put at hand: secrets are those of the stage, and a mail server is one that nobody reaches.
"""

import json
import re
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from kwatch.testing import manifests
from kwatch.testing.stage import SLACK_TOKEN, START, Stage
from kwatch.testing.vendors.slack import Slack
from tests.scenarios.owners import Owners
from tests.scenarios.plays import BROKEN, Pods
from tests.scenarios.workloads import Cluster

ROOT = Path(__file__).parents[2]
EXAMPLES = tuple(
    dict.fromkeys(
        block
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        if not block.startswith("- ")  # a list is for another program
    )
)
#: Where each preset of an incident tool has its key and its state, and what it says at the beginning and at the end.
PRESETS = {
    "rootly": ("key", "state", "open", "resolved"),
    "firehydrant": ("idempotency_key", "status", "OPEN", "CLOSED"),
    "ilert": ("groupKey", "status", "firing", "resolved"),
    "splunk-on-call": ("entity_id", "message_type", "CRITICAL", "RECOVERY"),
    "zenduty": ("entity_id", "alert_type", "critical", "resolved"),
}
#: A text that only one of the examples has; each has a play below.
MARKS = (
    "cluster: prod-eu",
    "Certificate.cert-manager.io",
    "probes-failing",
    "app-waits",
    "killed-by-its-probe",
    "cron-job-did-not-run",
    "image-pull, enabled",
    "rule: planned-change",
    "inhibit:",
    'sandbox-*"}, receiver: none',
    "teams: {payments",
    "redact:",
    "nights:",
    "per_minute: 30",
    "morning-mail",
    "keeps crashing",
    "longest_mute",
    "fallback: mail",
    "heartbeat:",
    *(f"name: {preset}" for preset in PRESETS),
)
HOOK = """
route: {receiver: team, group_by: [rule, namespace, workload], group_wait: 0s}
receivers: {team: [{type: webhook, name: hook, url: "http://receiver.example/hook"}]}
"""
CHANNELS = {"#alerts": "C1", "#ops": "C2", "#team": "C3", "#finance": "C4", "#web": "C5", "#payments": "C6"}


def example(mark: str) -> str:
    """Return the example that has a mark, with secrets of the stage."""
    (block,) = (block for block in EXAMPLES if mark in block)
    block = re.sub(r"\{(env: SLACK_TOKEN|file: [^}]*slack-token)\}", "{file: FOLDER/slack-token}", block)
    block = block.replace("{env: INCIDENT_URL}", '"https://example.com/incidents"')
    return re.sub(r"host: (smtp|mail)\.example\.com", "host: localhost", block)


def stage_of(folder: Path, text: str, *, start: datetime = START) -> tuple[Stage, Pods]:
    stage = Stage(folder, text, start=start)
    stage.slack = Slack(stage.clock, token=SLACK_TOKEN, channels=CHANNELS)
    return stage, Pods(stage)


def told_in_slack(stage: Stage) -> list[str]:
    """Return each message that began something: in which second, where, and what it said first."""
    names = {id_: name for name, id_ in CHANNELS.items()}
    start = datetime.fromisoformat(stage.second(0)).timestamp()
    return [
        f"{float(root.ts) - start:.0f} {names[root.channel]} {(root.edits or [root])[0].text}"
        for root in stage.slack.roots()
    ]


def test_each_example_has_one_mark() -> None:
    assert [sum(mark in block for mark in MARKS) for block in EXAMPLES] == [1] * len(EXAMPLES)


def test_T14_the_first_configuration_tells_of_everything_in_one_channel(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, example("cluster: prod-eu"))
    stage.node(100, ready=False)
    stage.run(until=600)
    assert told_in_slack(stage) == ["100 #alerts 🔴 CRITICAL · node-not-ready · Node/node-1 · since 12:01 UTC"]


NOTED = """
packs: []
rules:
  - {name: noted, on: event, match: {reason: BackOff, kind: Pod}, mode: notice, key: [namespace, name, team]}
"""


def test_T14_namespaces_by_name_and_labels(tmp_path: Path) -> None:
    stage, pods = stage_of(tmp_path, example("Certificate.cert-manager.io") + NOTED + HOOK)
    chosen = {"env": "prod", "team": "web"}
    for name, labels in (
        ("prod-1", chosen),
        ("prod-sandbox", chosen),
        ("test", chosen),
        ("prod-2", {"env": "prod", "team": "ops"}),
    ):
        stage.apply(-31, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        stage.apply(-31, manifests.pod("a", namespace=name, labels={"team": "red"}))
        pods.event(10, "a", ns=name)
    stage.run(until=600)
    assert stage.lines == ["10 hook notice noted prod-1/Pod/a"]
    assert stage.told[0].document["alerts"][0]["labels"]["team"] == "red"


def test_T14_three_rules(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, "packs: []\n" + example("probes-failing") + HOOK)
    for pod in ("web-0", "web-canary-0"):
        stage.apply(-31, manifests.pod(pod, namespace="prod-1"))
    for count in range(1, 6):
        for pod in ("web-0", "web-canary-0"):
            about = f"Pod/prod-1/{pod}"
            stage.event(count * 100, count, name=f"{pod}.a", about=about, reason="Unhealthy", first=100)
    pressed = manifests.condition("MemoryPressure", holds=True, since=stage.second(600))
    stage.apply(600, manifests.node("node-1", status={"conditions": [pressed]}))
    for at, image in ((-31, "web:1"), (1000, "web:2")):
        containers = [{"name": "main", "image": image}]
        stage.apply(at, deployment({"template": {"spec": {"containers": containers}}}))
    stage.run(until=1200)
    assert stage.lines == [
        "500 hook firing probes-failing prod-1/Pod/web-0 ×5",
        "900 hook firing node-pressure Node/node-1",
        "1000 hook notice image-changed shop/Deployment/web",
    ]
    assert [told.document["severity"] for told in stage.told] == ["critical", "warning", "warning"]
    assert stage.told[0].document["alerts"][0]["cause"] == "Pod/web-0 fails its probes"


def deployment(spec: object) -> dict[str, object]:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def test_T14_one_and_the_same_container(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, "packs: []\n" + example("app-waits") + HOOK)
    limits = {"containers": [{"name": "main", "resources": {"limits": {"memory": "1Gi"}}}]}
    waits = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    for at, pod, containers in (
        (10, "restarts", [{"name": "main", "restartCount": 4, **waits}]),
        (20, "often-enough", [{"name": "main", "restartCount": 3, **waits}]),
        (30, "proxy", [{"name": "istio-proxy", "restartCount": 9, **waits}]),
        (40, "two", [{"name": "istio-proxy", "restartCount": 9, **waits}, {"name": "main", "restartCount": 9}]),
    ):
        stage.apply(at, {**manifests.pod(pod, status={"containerStatuses": containers}), "spec": limits})
    stage.pod(50, "unlimited")
    stage.run(until=600)
    assert stage.lines == [
        "10 hook firing app-waits shop/Pod/restarts",
        "50 hook firing no-limits shop/Pod/unlimited",
    ]


def test_T14_a_sequence(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, "packs: []\n" + example("killed-by-its-probe") + HOOK)
    for at, pod, later in ((10, "web-1", 119), (20, "web-2", 121)):
        stage.pod(-31, pod)
        stage.event(at, name=f"{pod}.a", about=f"Pod/shop/{pod}", reason="Unhealthy")
        stage.event(at + later, name=f"{pod}.b", about=f"Pod/shop/{pod}", reason="Killing")
    stage.run(until=600)
    assert stage.lines == ["129 hook firing killed-by-its-probe shop/Pod/web-1"]


def test_T14_what_did_not_happen(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, "packs: []\n" + example("cron-job-did-not-run") + HOOK)
    metadata = {"name": "nightly", "namespace": "shop"}
    for at, time in ((-31, "11:00:00"), (100, "12:01:40")):
        status = {"lastScheduleTime": f"2026-01-01T{time}Z"}
        stage.apply(at, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "status": status})
    stage.run(until=94_000)
    assert stage.lines == ["93700 hook firing cron-job-did-not-run shop/CronJob/nightly"]


def test_T14_packs_and_what_is_put_over_them(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, example("image-pull, enabled") + HOOK)
    stage.node(100, ready=False)
    waits = {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ErrImagePull"}}}]}
    stage.pod(110, status=waits)
    stage.run(until=900)
    assert stage.lines == ["220 hook firing node-not-ready Node/node-1"]


def test_T14_a_change_that_went_well_is_not_told(tmp_path: Path) -> None:
    rules = "packs: []\nrules: [{name: not-ready, on: resource, match: {kind: Pod, condition: {Ready: 'False'}}}]\n"
    cluster = Cluster(tmp_path, rules + example("rule: planned-change"))
    cluster.stage.slack = Slack(cluster.stage.clock, token=SLACK_TOKEN, channels=CHANNELS)
    cluster.stands()
    cluster.rolls_out(10)
    cluster.pod(1000, "new", ready=False)
    cluster.play(until=1200)
    assert told_in_slack(cluster.stage) == ["1015 #ops 🟠 WARNING · not-ready · shop/Deployment/web · since 12:16 UTC"]


def test_T14_what_goes_wrong_on_a_node_that_is_down(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, example("inhibit:") + HOOK)
    loops = {"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    stage.node(100, ready=False)
    for pod, node in (("on", "node-1"), ("off", "node-2")):
        stage.pod(110, pod, node=node, status={"containerStatuses": [loops]})
    stage.run(until=600)
    assert stage.lines == ["100 hook firing node-not-ready Node/node-1", "115 hook firing crash-loop shop/Pod/off"]


def test_T14_routes(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - {name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}
  - {name: worse, on: resource, match: {kind: Pod, fields: {status.phase: Unknown}}, severity: critical}
"""
    stage, pods = stage_of(tmp_path, example('sandbox-*"}, receiver: none') + rules)
    pods.phase(10, "a", "Unknown")
    pods.phase(20, "b", ns="sandbox-1")
    pods.phase(30, "c", metadata={}, ns="shop")
    stage.apply(40, {**manifests.pod("d", labels={"team": "nobody"}), "status": {"phase": "Failed"}})
    stage.run(until=300)
    assert stage.lines == ["10 incidents firing worse shop/Pod/a"]
    assert told_in_slack(stage) == [
        "45 #ops 🟠 WARNING · broken · shop/Pod/c · since 12:00 UTC",
        "55 #ops 🟠 WARNING · broken · shop/Pod/d · since 12:00 UTC",
    ]


def test_T14_windows(tmp_path: Path) -> None:
    rules = "packs: []\nrules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}]\n"
    start = datetime.fromisoformat("2026-03-31T05:50:00+02:00")  # a Tuesday, the last day of March
    stage, pods = stage_of(tmp_path, example("nights:") + rules, start=start)
    pods.phase(0, "a")
    pods.phase(0, "b", ns="finance-1")
    stage.run(until=700)
    assert told_in_slack(stage) == [
        "15 #finance 🟠 WARNING · broken · finance-1/Pod/b · since 03:50 UTC",
        "600 #team 🟠 WARNING · broken · shop/Pod/a · since 03:50 UTC",
    ]


def test_T14_pace(tmp_path: Path) -> None:
    rules = "packs: []\nrules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}]\n"
    stage, pods = stage_of(tmp_path, example("per_minute: 30") + rules)
    for number in range(20):
        pods.phase(60, f"p{number}")
    stage.run(until=300)
    told = told_in_slack(stage)
    assert [line.partition(" · ")[0] for line in told[:10]] == ["75 #alerts 🟠 WARNING"] * 10
    assert told[10:] == ["135 #alerts ⚠️ OVERFLOW · 10 more · stage"]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param("2026-01-02", ["2026-01-02T07:00:00+00:00"], id="Friday"),
        pytest.param("2026-01-03", [], id="Saturday"),
    ],
)
def test_T14_a_digest_on_the_mornings_of_working_days(tmp_path: Path, day: str, expected: list[str]) -> None:
    rules = "packs: []\nrules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}]\n"
    start = datetime.fromisoformat(f"{day}T07:59:00+01:00")
    stage, pods = stage_of(tmp_path, example("morning-mail") + rules, start=start)
    pods.phase(0, "a")
    digests: list[str] = []

    async def look() -> None:
        deliveries = (await stage.get("/api/v1/deliveries")).json()["deliveries"]
        digests.extend(each["created_at"] for each in deliveries if each["destination"] == "morning-mail")

    stage.at(120, look)
    stage.run(until=121)
    assert told_in_slack(stage) == ["15 #alerts 🟠 WARNING · broken · shop/Pod/a · since 06:59 UTC"]
    assert digests == expected


@pytest.mark.parametrize(("channel", "told"), [("#alerts", []), ("#archived", ["meta", "firing"])])
def test_T14_a_channel_that_is_not_there_is_told_the_fallback(tmp_path: Path, channel: str, told: list[str]) -> None:
    rules = "packs: []\nrules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}]\n"
    stage, pods = stage_of(tmp_path, example("fallback: mail").replace("#alerts", channel) + rules)
    pods.phase(0, "a")
    queued: list[str] = []

    async def look() -> None:
        deliveries = (await stage.get("/api/v1/deliveries")).json()["deliveries"]
        queued.extend(each["kind"] for each in deliveries if each["destination"] == "mail-smtp")

    stage.at(120, look)
    stage.run(until=121)
    assert sorted(queued, reverse=True) == told


def test_T14_a_heartbeat(tmp_path: Path) -> None:
    block = example("heartbeat:").replace("{env: HEARTBEAT_URL}", '"http://receiver.example/beat"')
    stage, _ = stage_of(tmp_path, block)
    stage.answer = lambda _: httpx.Response(500)  # the stage notes what was told, and a ping is no message
    stage.run(until=301)
    assert stage.counted("heartbeats", outcome="failed_server") == 5


def test_T14_texts_of_ones_own(tmp_path: Path) -> None:
    stage, _ = stage_of(tmp_path, example("keeps crashing"))
    loops = {"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    stage.pod(0, status={"containerStatuses": [loops]})
    stage.run(until=300)
    assert told_in_slack(stage) == ["20 #alerts 🟠 WARNING: shop/Pod/web-1"]
    assert "Pod/web-1 keeps crashing" in stage.slack.messages[0].all_text


def test_T14_what_owners_say_by_annotations(tmp_path: Path) -> None:
    rules = "packs: []\nrules: [{name: broken, on: resource, match: {kind: Pod, fields: {status.phase: Failed}}}]\n"
    stage, pods = stage_of(tmp_path, example("longest_mute") + rules)
    owners = Owners(stage)
    owners.namespace(0, "shop", mute_until=stage.second(7200))
    owners.namespace(0, "web", receiver="team-web", mute_until=stage.second(3 * 86_400))  # longer than allowed
    owners.namespace(0, "tests", watch="false")
    for ns in ("shop", "web", "tests", "other"):
        pods.phase(10, "a", ns=ns)
    stage.run(until=7400)
    assert sorted(told_in_slack(stage)) == [
        "25 #ops 🟠 WARNING · broken · other/Pod/a · since 12:00 UTC",
        "25 #web 🟠 WARNING · broken · web/Pod/a · since 12:00 UTC",
        "7200 #ops 🟠 WARNING · broken · shop/Pod/a · since 12:00 UTC",
    ]


@pytest.mark.parametrize("preset", PRESETS)
def test_T14_a_preset_opens_an_incident_and_ends_it_by_the_same_key(preset: str, tmp_path: Path) -> None:
    key, state, begin, end = PRESETS[preset]
    (tmp_path / "secret").write_text("https://hooks.example.com/in")
    text = re.sub(r"\{file: /etc[^}]+\}", "{file: FOLDER/secret}", example(f"name: {preset}"))
    stage, pods = stage_of(tmp_path, text + BROKEN)
    documents = []

    async def take(request: httpx.Request) -> httpx.Response:
        documents.append(json.loads(request.content))
        return httpx.Response(202)

    stage.hosts["hooks.example.com"] = take
    pods.phase(0, "web-1", "Unknown")
    pods.phase(600, "web-1", "Running")
    stage.run(until=1200)
    assert [document[state] for document in documents] == [begin, end]
    assert documents[0][key] == documents[1][key] != ""


def test_T14_a_team_by_its_namespaces(tmp_path: Path) -> None:
    stage, pods = stage_of(tmp_path, example("teams: {payments") + BROKEN)
    for ns in ("pay-1", "shop-1", "other"):
        pods.phase(10, "a", ns=ns)
    stage.run(until=300)
    assert told_in_slack(stage) == ["25 #payments 🟠 WARNING · broken · pay-1/Pod/a · since 12:00 UTC"]


def test_T14_what_your_own_patterns_match_is_told_nowhere(tmp_path: Path) -> None:
    stage, pods = stage_of(tmp_path, "watch: {labels: [team]}\n" + example("redact:") + NOTED + HOOK)
    pods.event(10, "a", message="acct-12345678 of Project X42 is overdrawn")
    stage.run(until=300)
    assert stage.lines == ["10 hook notice noted shop/Pod/a"]
    assert stage.told[0].document["alerts"][0]["message"] == "[redacted] of [redacted] is overdrawn"
