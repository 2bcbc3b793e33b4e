"""Each preset of the documentation, as it is written there: loaded, rendered, and judged by its vendor's own words."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kwatch.config.load import load
from kwatch.model.notifications import NotificationKind
from kwatch.parts import create_channel
from kwatch.testing.contract.samples import ALONE, alert, content, notification
from tests.notify.samples import tools_for

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"
BLOCKS = dict(re.findall(r"^## (.+?)\n.*?^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))

#: What people must be able to read of the crash loop.
_FACTS = (
    "crash-loop",
    "payments/Deployment/worker",
    "Deployment/worker keeps crashing",
    "kubectl -n payments logs worker-7d9c-x2x1 --previous",
)

Document = dict[str, Any]


def rootly(document: Document) -> str:
    """https://docs.rootly.com/integrations/generic-webhook-alert-source/installation: what is mapped must be there."""
    assert set(document) >= {"title", "description", "url", "key", "state"}
    assert document["key"] == "kw/g5h2j7/1"
    return {"open": "firing", "resolved": "over"}[document["state"]]


def firehydrant(document: Document) -> str:
    """https://docs.firehydrant.com/docs/events-data-model."""
    assert set(document) <= {
        "summary",
        "body",
        "status",
        "level",
        "annotations",
        "images",
        "links",
        "tags",
        "idempotency_key",
    }
    assert 1 <= len(document["summary"]) <= 255
    assert document["level"] in {"INFO", "WARN", "ERROR", "FATAL"}
    assert document["idempotency_key"] == "kw/g5h2j7/1"
    assert all(isinstance(tag, str) for tag in document["tags"])
    return {"OPEN": "firing", "CLOSED": "over"}[document["status"]]


def ilert(document: Document) -> str:
    """https://prometheus.io/docs/alerting/latest/configuration/#webhook_config: version 4."""
    assert list(document) == [
        "version",
        "groupKey",
        "truncatedAlerts",
        "status",
        "receiver",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
        "alerts",
    ]
    (only,) = document["alerts"]
    assert set(only) == {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
    assert (document["version"], document["truncatedAlerts"], document["groupKey"]) == ("4", 0, "kw/g5h2j7/1")
    assert document["status"] == only["status"]
    assert datetime.fromisoformat(only["startsAt"]).tzinfo is not None
    assert datetime.fromisoformat(only["endsAt"]).year == (1 if only["status"] == "firing" else 2026)
    return {"firing": "firing", "resolved": "over"}[document["status"]]


def splunk_on_call(document: Document) -> str:
    """https://help.splunk.com/en/splunk-observability-cloud/splunk-on-call/alerts/incident-fields-glossary."""
    assert document["entity_id"] == "kw/g5h2j7/1"
    assert set(document) >= {"entity_display_name", "state_message", "monitoring_tool"}
    return {"CRITICAL": "firing", "RECOVERY": "over"}[document["message_type"]]


def zenduty(document: Document) -> str:
    """https://zenduty.com/docs/generic-integration: message and alert_type are required."""
    assert set(document) <= {"message", "summary", "alert_type", "suppressed", "entity_id", "payload", "urls"}
    assert document["message"]
    assert document["entity_id"] == "kw/g5h2j7/1"
    return {"critical": "firing", "resolved": "over"}[document["alert_type"]]


JUDGES: dict[str, Callable[[Document], str]] = {
    "Rootly": rootly,
    "FireHydrant": firehydrant,
    "ilert": ilert,
    "Splunk On-Call": splunk_on_call,
    "Zenduty": zenduty,
}


def sent(name: str, facts: Any, folder: Path) -> Document:
    """Return the document of a preset, which must be its own and not the built-in one."""
    (folder / "secret").write_text("https://hooks.example.com/1")
    (folder / "kwatch.yaml").write_text(re.sub(r"\{file: [^}]+\}", f"{{file: {folder / 'secret'}}}", BLOCKS[name]))
    (entry,) = load(folder / "kwatch.yaml", environ={}).entries
    message = create_channel(entry, tools_for()).render(notification(facts), ALONE, degraded=False)
    assert message.fallback_reason == ""
    document: Document = json.loads(message.body)
    return document


def texts(tree: Any) -> Iterable[str]:
    match tree:
        case str():
            yield tree
        case list():
            for item in tree:
                yield from texts(item)
        case dict():
            yield from texts(list(tree.values()))


def test_every_preset_has_a_judge() -> None:
    assert list(BLOCKS) == list(JUDGES)


@pytest.mark.parametrize("name", JUDGES)
def test_a_preset_tells_of_what_fires(name: str, tmp_path: Path) -> None:
    document = sent(name, content(), tmp_path)
    assert JUDGES[name](document) == "firing"
    told = "\n".join(texts(document))
    assert [fact for fact in _FACTS if fact not in told] == []


@pytest.mark.parametrize("name", JUDGES)
def test_a_preset_names_each_of_several_alerts(name: str, tmp_path: Path) -> None:
    told = "\n".join(texts(sent(name, content(alert(), alert(fingerprint="b", rule="oom-killed")), tmp_path)))
    assert "crash-loop · payments/Deployment/worker · firing since 14:02 UTC (12 m)" in told
    assert "oom-killed · payments/Deployment/worker · firing since 14:02 UTC (12 m)" in told


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("kind", [NotificationKind.RESOLVED, NotificationKind.EXPIRED])
def test_a_preset_ends_it_by_the_same_key(name: str, kind: NotificationKind, tmp_path: Path) -> None:
    assert JUDGES[name](sent(name, content(kind=kind), tmp_path)) == "over"


@pytest.mark.parametrize("name", JUDGES)
def test_a_preset_keeps_the_limits_of_its_vendor(name: str, tmp_path: Path) -> None:
    views = tuple(alert(fingerprint=f"f{n}", rule="r" * 400, message="m" * 4000) for n in range(100))
    assert JUDGES[name](sent(name, content(*views, group_labels={"namespace": "n" * 400}), tmp_path)) == "firing"


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("kind", [each for each in NotificationKind if not each.closes])
def test_a_preset_has_words_for_every_kind(name: str, kind: NotificationKind, tmp_path: Path) -> None:
    assert sent(name, content(kind=kind, text="the destination mail is suspended"), tmp_path)
