"""X-11: a secret of the cluster or the configuration is in no output: state, log, page, API, metric, message."""

import asyncio
import email
import email.policy
import importlib
import io
import json
import logging
import string
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kwatch.cli.program import main
from kwatch.config.load import load
from kwatch.config.receivers import channel_types
from kwatch.errors import ConfigError
from kwatch.model.notifications import Message, NotificationKind
from kwatch.redaction import Redactor
from kwatch.telemetry import JsonFormatter
from kwatch.testing import manifests
from kwatch.testing.stage import Stage
from tests.notify.samples import ALONE, alert, content, notification, tools_for

#: What is looked for; each secret below holds it.
CANARY = "CanaryBird"
TOKEN = f"ghp_{CANARY}0123456789abcdefghij"
SHAPES = (
    TOKEN,
    f"Bearer {CANARY}.0123456789",
    f"password={CANARY}",
    f"postgres://app:{CANARY}@db/shop",
    f"xoxb-123456-{CANARY}",
    f"--api-key {CANARY}",
    f'{{"client_secret": "{CANARY}"}}',
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
    f"acct-{CANARY}",  # the pattern of the user
    f"CanaryFile-{CANARY}",  # the value of one of kwatch's own secrets
)
RULES = """
redact: ["acct-[A-Za-z]+"]
watch: {labels: [team]}
packs: [crashes]
self_service: {runbook: true}
rules:
  - name: event
    on: event
    match: {kind: Pod}
    key: [namespace, workload, reason, message]
    annotations:
      summary: "{{ message }}"
      next_step: "{{ 1 // (1 if reason == 'BackOff' else 0) }}"  # fails, but on the sample
    details: {image: "spec.containers[*].image"}
  - name: args
    on: resource
    match:
      kind: Deployment
      any:
        - changed: ["spec.template.spec.containers[*].args[*]"]
        - changed: ["spec.template.spec.containers[*].env[*].value"]
    mode: notice
    details: {args: "spec.template.spec.containers[*].args[*]"}
  - name: config
    on: resource
    match: {kind: ConfigMap, changed: ["data.key"]}
    mode: notice
route:
  receiver: all
  group_by: [namespace, workload, team]
  group_wait: 1s
receivers:
  all:
    - {type: webhook, url: {file: FOLDER/url}, sign: {file: FOLDER/key}, headers: {X-Key: {file: FOLDER/header}}}
    - type: webhook
      name: own
      url: "https://hooks.example.com/own"
      headers: {X-Title: "{{ title }}"}
      body: {alerts: [], kind: "{{ kind }}", message: "{{ 1 // (1 if alerts[0].labels.reason == 'BackOff' else 0) }}"}
    - {type: webhook, name: refusing, url: "https://hooks.example.com/refusing"}
    - {type: slack, token: {file: FOLDER/slack-token}, channel: "#alerts"}
"""


@pytest.fixture
def log() -> Iterator[tuple[io.StringIO, Redactor]]:
    """Write everything that is logged, down to debug, as the shipped log does."""
    stream, redactor, root = io.StringIO(), Redactor(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(redactor))
    before = root.handlers, root.level
    root.handlers, root.level = [handler], logging.DEBUG
    yield stream, redactor
    root.handlers, root.level = before


PATHS = ("/", "/readyz", "/metrics", "/api/v1/alerts", "/api/v1/deliveries", "/api/v1/silences", "/api/v1/audit")


def play(folder: Path, texts: dict[str, str]) -> dict[str, bytes]:
    """Let kwatch see the texts in every field of Events and objects, and return everything that comes out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "url").write_text(f"https://hooks.example.com/CanaryFile-{CANARY}/hook")
    (folder / "key").write_text("whsec_a3dhdGNoLXRlc3Qtc2VjcmV0LTAwMDAwMA==")
    (folder / "header").write_text(f"CanaryFile-{CANARY}")
    stage = Stage(folder, RULES)
    stage.answer = _answer
    _plant(stage, texts)
    outputs: dict[str, bytes] = {}

    async def look() -> None:
        await asyncio.sleep(0)
        for path in PATHS:
            outputs[path] = (await stage.get(path)).content
        for delivery in (await stage.get("/api/v1/deliveries")).json()["deliveries"]:
            outputs[f"delivery {delivery['id']}"] = (await stage.get(f"/api/v1/deliveries/{delivery['id']}")).content
        outputs["why"] = (await stage.get("/api/v1/why/shop/web-1")).content
        outputs["state"] = b"".join(file.read_bytes() for file in (folder / "state").iterdir() if file.name != "lock")

    stage.at(290, look)
    stage.run(until=300)
    outputs["webhooks"] = b"\n".join(told.body for told in stage.told)
    outputs["slack"] = repr(stage.slack.messages).encode()
    assert {told.destination for told in stage.told} == {"hook", "own"}
    return outputs


def _answer(request: httpx.Request) -> httpx.Response:
    """Refuse what one of them is told, and repeat all secrets in the answer."""
    said = f"{request.url} {request.headers} {TOKEN}"
    return httpx.Response(400 if request.url.path.endswith("refusing") else 200, text=said, headers={"X-Said": TOKEN})


def _plant(stage: Stage, texts: Mapping[str, str]) -> None:
    pod = manifests.pod("web-1", labels={"team": texts.get("label", "a")})
    annotations = {"example.com/a": texts.get("annotation", ""), "kwatch.dev/runbook": texts.get("runbook", "")}
    stage.apply(0, {**pod, "metadata": {**pod["metadata"], "annotations": annotations}})
    stage.apply(5, _core_event(stage.second(5), texts))
    stage.apply(6, _stray_event(stage.second(6), texts))
    times = {"at": stage.time(7), "created": stage.second(7)}
    new = manifests.new_event(
        "e3", "Pod/shop/web-1", reason="Evil", message=texts.get("note", ""), series=None, **times
    )
    parts = {"reportingController": "controller", "reportingInstance": "instance", "action": "action"}
    stage.apply(7, {**new, **{key: texts.get(field, "a") for key, field in parts.items()}})
    for second in (0, 20):
        stage.apply(second, _deployment(f"{texts.get('args', '')}{second}", f"{texts.get('env', '')}{second}"))
        stage.apply(second, _config_map(f"{texts.get('data', '')}{second}"))


def _core_event(at: str, texts: Mapping[str, str]) -> dict[str, Any]:
    message = texts.get("message", "")
    event = manifests.core_event("e1", "Pod/shop/web-1", reason="Evil", message=message, count=1, first=at, last=at)
    source = {"component": texts.get("component", "kubelet"), "host": texts.get("host", "n1")}
    return {**event, "source": source, "reason": texts.get("reason", "Evil")}


def _stray_event(at: str, texts: Mapping[str, str]) -> dict[str, Any]:
    event = manifests.core_event("e2", "Pod/shop/web-1", reason="Evil", message="m", count=1, first=at, last=at)
    about = {key: texts[key] for key in ("name", "uid", "fieldPath") if key in texts}
    return {**event, "involvedObject": {**event["involvedObject"], **about}}


def _deployment(argument: str, value: str) -> dict[str, Any]:
    container = {"name": "app", "image": "app:1", "args": [argument], "env": [{"name": "A", "value": value}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def _config_map(value: str) -> dict[str, Any]:
    metadata = {"name": "c", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": value}}


#: Where texts are planted: fields of Events of both APIs, then of objects.
FIELDS = (
    *("message", "note", "reason", "component", "host", "name", "uid", "fieldPath"),
    *("controller", "instance", "action"),
    *("label", "annotation", "runbook", "args", "env", "data"),
)
#: Of these no shape is needed: their values are never kept.
NEVER_KEPT = ("env", "data")


def told_nothing(outputs: dict[str, bytes]) -> None:
    assert [name for name, output in outputs.items() if CANARY.encode() in output] == []


def test_X11_T11_T12_a_canary_in_every_field_is_in_no_output(tmp_path: Path, log: tuple[io.StringIO, Redactor]) -> None:
    for number, shape in enumerate(SHAPES):
        texts = dict.fromkeys(FIELDS, f"before {shape} after") | dict.fromkeys(NEVER_KEPT, CANARY)
        outputs = play(tmp_path / str(number), texts)
        told_nothing(outputs)
        assert b"[redacted]" in outputs["state"]
        assert b"[redacted" in outputs["webhooks"]
    assert CANARY not in log[0].getvalue()


def test_X11_the_play_shows_what_is_no_secret(tmp_path: Path) -> None:
    """The negative control: the same words without the shape of a secret do come out."""
    outputs = play(tmp_path, dict.fromkeys(FIELDS, "PlainBird"))
    shown = {name for name, output in outputs.items() if b"PlainBird" in output}
    assert shown >= {"/", "/api/v1/alerts", "state", "webhooks", "slack"}


WORDS = st.text(string.printable, max_size=20)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(
        st.sampled_from(FIELDS),
        st.tuples(
            st.text(string.printable, max_size=20), st.sampled_from(SHAPES), st.text(string.printable, max_size=20)
        ),
        min_size=1,
    ),
)
def test_X11_canaries_among_any_other_words_are_in_no_output(
    tmp_path: Path, fields: dict[str, tuple[str, str, str]]
) -> None:
    texts = {field: f"{before} {shape} {after}" for field, (before, shape, after) in fields.items()}
    told_nothing(
        play(Path(tempfile.mkdtemp(dir=tmp_path)), texts)
    )  # of its own: what is open already is not told again


@pytest.mark.parametrize("kind", list(NotificationKind))
@pytest.mark.parametrize("type_", channel_types())
def test_X11_no_channel_renders_a_canary(type_: str, kind: NotificationKind) -> None:
    """Also one that the state has from before, or that a person wrote."""
    view = alert(
        message=f"said {TOKEN}",
        labels={**alert().labels, "team": TOKEN},
        details={"exit code": TOKEN},
        annotations={
            "summary": f"{TOKEN}",
            "next_step": "{{ message }}",
            "runbook": f"https://a.example.com/?token={CANARY}",
        },
        members=(TOKEN,),
        acked_by="ann",
        ack_comment=TOKEN,
        muted_by=f"silenced by {TOKEN}",
    )
    facts = content(
        view, view, kind=kind, text=f"the URL https://x:{CANARY}@y", came_and_went=(TOKEN,), group_labels={"a": TOKEN}
    )
    for each in (facts, msgspec.structs.replace(facts, alerts=facts.alerts[:1], alert_count=1)):
        for degraded in (False, True):
            module = importlib.import_module(f"kwatch.notify.channels.{type_}")
            channel = module.create(module.Config.model_validate({"type": type_, **keys_of(type_)}), tools_for())
            assert CANARY not in readable(channel.render(notification(each), ALONE, degraded=degraded))


def keys_of(type_: str) -> Mapping[str, Any]:
    """Return the keys of a destination, as the stand-in of the service has them."""
    if type_ == "stdout":
        return {}
    if type_ == "smtp":
        return {"host": "127.0.0.1", "from": "kwatch@example.com", "to": ["team@example.com"]}
    module = importlib.import_module(f"kwatch.testing.vendors.{type_}")
    made = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
    keys: Mapping[str, Any] = next(each.keys for each in made if isinstance(getattr(each, "keys", None), Mapping))
    return keys


def readable(message: Message) -> str:
    """Return everything of a message, mails decoded."""
    text = message.body.decode(errors="replace")
    if message.content_type == "message/rfc822":
        mail = email.message_from_bytes(message.body, policy=email.policy.default)
        text = " ".join(
            [str(mail.items()), *(str(part.get_content()) for part in mail.walk() if not part.is_multipart())]
        )
    return f"{text} {message.headers} {message.fallback_reason}"


def test_X11_no_problem_of_a_configuration_repeats_a_value(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(
        f"receivers: {{a: [{{type: webhook, url: 'https://u:{CANARY}@h/', sign: {TOKEN}, ca: {TOKEN}, x: {TOKEN}}}]}}"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("options", [[], ["--json"], ["--fingerprint"], ["--all"]])
def test_X11_explain_repeats_no_canary(options: list[str], tmp_path: Path) -> None:
    event = manifests.core_event(
        "e1",
        "Pod/shop/web-1",
        reason="BackOff",
        message=f"DB_PASSWORD={CANARY} and {TOKEN}",
        count=1,
        first="2026-01-01T12:00:00Z",
        last="2026-01-01T12:00:00Z",
    )
    (tmp_path / "event.yaml").write_text(json.dumps(event))
    rule = "{name: mine, on: event, match: {message: '*PASS*'}, key: [namespace, message]}"
    (tmp_path / "kwatch.yaml").write_text(f"rules: [{rule}]")
    arguments = ["explain", str(tmp_path / "event.yaml"), "--config", str(tmp_path / "kwatch.yaml"), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert CANARY not in result.output
