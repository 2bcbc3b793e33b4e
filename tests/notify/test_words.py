"""Every sentence of kwatch is there in every language, with the same places for values."""

import ast
import re
import string
from collections.abc import Iterable, Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from kwatch.config.load import load
from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.notifications import Notification, NotificationKind
from kwatch.model.rules import Severity
from kwatch.notify.channels.stdout import Config, create
from kwatch.notify.context import context_of
from kwatch.notify.markup import PLAIN, whole_text
from kwatch.notify.page import fact_page
from kwatch.notify.render import TemplateEngine, check_template
from kwatch.notify.samples import sample
from kwatch.notify.words import Language
from kwatch.notify.words.zh import WORDS as ZH
from kwatch.notify.words.zh_packs import WORDS as ZH_PACKS
from tests.notify.samples import ALONE, NOW, StillClock, alert, content, notification, tools_for

ROOT = Path(__file__).parents[2]
#: Where sentences are said.
MODULES = (
    "facts",
    "titles",
    "report",
    "context",
    "page",
    "blocks",
    "compose",
    "calls",
    "channels/pagerduty",
    "channels/opsgenie",
)
#: Names there of texts that are said elsewhere.
NAMES = frozenset(
    {
        *("text", "_FIRING", "_NOTICED", "_SLOTS", "_ENDS", "THROTTLED", "PARTS"),
        *("_FLAPPING", "NOBODY", "_WIDTHS", "_SENTENCES"),
    }
)
_IN_TEMPLATES = re.compile(r'say\("([^"]+)"')
#: What packs say that is a command and nothing else, the same in every language.
COMMANDS = {
    "kubectl describe node {{ name }}; kubectl get pods -A -o wide --field-selector spec.nodeName={{ name }}",
    "kubectl get pods -A -o wide --field-selector spec.nodeName={{ name }}",
    "kubectl get volumeattachments; kubectl describe pod -n {{ namespace }} {{ name }}",
    "kubectl logs -n {{ namespace }} job/{{ name }} --all-containers",
    "kubectl logs -n {{ namespace }} {{ name }} --all-containers --previous --ignore-errors",
}


def said() -> set[str]:
    """Return all texts that are said: literals in calls of `say`, what reaches one by name, words of enums."""
    texts = {text for name in MODULES for text in _literals(ROOT / "kwatch" / "notify" / f"{name}.py")}
    for template in (ROOT / "templates" / "notify").rglob("*.j2"):
        texts |= set(_IN_TEMPLATES.findall(template.read_text("utf-8")))
    texts |= {text for severity in Severity for text in (severity.name, severity.word)}
    texts |= {state.value for state in (AlertState.INACTIVE, AlertState.PENDING, AlertState.FIRING)}
    return {text for text in texts if text.strip()} - {"severity"}  # the name of a key


def of_packs() -> set[str]:
    """Return the texts of the built-in rules, and the labels of their details."""
    rules = load(None, environ={}).rules
    texts = {text for rule in rules for text in rule.annotations.values()}
    return (texts - COMMANDS) | {name.replace("_", " ").capitalize() for rule in rules for name in rule.details}


def _literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and _is_say(node.func):
            yield from _texts(node.args[:1])
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.AST):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id in NAMES:
                yield from _texts([node.value])
            elif isinstance(target, ast.Name) and target.id == "rows" and isinstance(node.value, ast.List):
                yield from _texts([row.elts[0] for row in node.value.elts if isinstance(row, ast.List)])


def _is_say(function: ast.expr) -> bool:
    is_table = isinstance(function, ast.Subscript) and isinstance(function.value, ast.Name)
    return ast.unparse(function).rpartition(".")[2] == "say" or (
        is_table and ast.unparse(function).startswith("WORDS[")
    )


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value


def test_every_sentence_has_its_chinese_and_there_is_no_other() -> None:
    assert set(ZH) == said()


def test_every_text_of_a_pack_has_its_chinese_and_there_is_no_other() -> None:
    assert set(ZH_PACKS) == of_packs()


@pytest.mark.parametrize("text", sorted(ZH))
def test_a_sentence_has_the_places_of_the_english_one(text: str) -> None:
    """A value that is left out would be a fact that is not told."""
    assert _places(ZH[text]) == _places(text)


def _places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("text", sorted(ZH_PACKS))
def test_a_text_of_a_pack_asks_for_what_the_english_one_asks_for(text: str) -> None:
    assert _asked(ZH_PACKS[text]) == _asked(text)
    assert check_template(ZH_PACKS[text]) is None


def _asked(template: str) -> set[str]:
    """Return the variables of a template."""
    code = " ".join(re.findall(r"\{[{%].*?[%}]\}", template))
    return set(re.findall(r"details\.\w+|\b(?:workload|namespace|name|message|node)\b", code))


#: What a Chinese reader of Kubernetes reads in English: commands and their words, names of parts.
TERMS = frozenset(
    {
        *("kwatch", "KWATCH", "deliveries", "show", "list", "dead", "SIGHUP"),
        *("kubectl", "kubelet", "imagePullSecrets", "Pod", "Pods", "API", "UTC", "CST"),
    }
)
_LATIN = re.compile(r"[A-Za-z]{2,}")


def latin(notification: Notification) -> set[str]:
    """Return the Latin words of a Chinese message that neither the cluster nor its operator has given."""
    engine = TemplateEngine(StillClock()).for_message()
    context = context_of(notification, "Asia/Shanghai", engine, Language.ZH).context
    page = fact_page(context["title"], context)
    forms = ("default/text.j2", "smtp/mail.txt.j2", "smtp/mail.html.j2")
    rendered = [
        engine.render_built_in(form, context | {"headline": context["heading"], "own_text": ""}) for form in forms
    ]
    shown = unescape(re.sub(r"<[^>]*>", " ", "\n".join([*rendered, whole_text(page, PLAIN)])))
    return set(_LATIN.findall(f"{context['subject']} {context['title']} {shown}")) - TERMS - given(notification)


def given(notification: Notification) -> set[str]:
    """Return the words of names, commands and messages that are told as they are."""
    content = notification.content
    texts = [content.cluster, content.receiver, content.held_in, notification.id, notification.destination]
    for view in content.alerts:
        commands = view.annotations["next_step"].partition(";")[0] if "next_step" in view.annotations else ""
        texts += [view.rule, view.fingerprint, view.message, commands, *view.labels.values(), *view.members]
        texts += [*map(str.capitalize, view.details), *view.details.values()]
    texts += [*(each.destination for each in content.undelivered), *(each.by for each in content.suppressed)]
    return {word for text in texts for word in _LATIN.findall(text)}


@pytest.mark.parametrize("kind", NotificationKind)
def test_nothing_english_is_left_in_a_chinese_message_but_names_and_terms(kind: NotificationKind) -> None:
    told = sample(kind, destination="oncall-webhook", receiver="r", cluster="c", now=NOW)
    assert latin(told) == set()


def test_nothing_english_is_left_where_everything_is_said_of_an_alert() -> None:
    rich = alert(
        annotations={},
        state=AlertState.FIRING,
        episode=2,
        continues=1,
        acked_by="ann",
        acked_at=NOW,
        ack_comment="ja",
        escalated_to=("oncall",),
        held_back_by="the rollout of Deployment shop/web, which takes too long",
        muted_by="silenced until it is resolved by ann: ja",
        is_flapping=True,
        is_throttled=True,
        is_varied=True,
        is_late=True,
        window=timedelta(minutes=5),
    )
    said = {"is_late": True, "notices_dropped": 3, "came_and_went": ("oom-kill",), "meant_for": "oncall"}
    names = {"ann", "ja", "oncall", "Deployment", "shop", "web", "oom", "kill"}
    assert latin(notification(content(rich, **said))) <= names
    assert latin(notification(content(rich, alert(rule="oom-kill", annotations={}), **said))) <= names
    for kind in (NotificationKind.RESOLVED, NotificationKind.EXPIRED):
        for reason in EndReason:
            over = alert(annotations={}, state=AlertState.RESOLVED, ends_at=NOW, end_reason=reason)
            assert latin(notification(content(kind=kind, alerts=(over,)))) == set()


def test_an_english_word_in_a_chinese_message_is_found() -> None:
    """The negative control."""
    assert latin(notification(content(alert(annotations={}, muted_by="quiet, as nobody says why")))) == {
        *("quiet", "as", "nobody", "says", "why"),
    }


def test_the_language_of_a_destination_is_that_of_its_message() -> None:
    config = Config.model_validate({"type": "stdout", "language": "zh", "timezone": "Asia/Shanghai"})
    message = create(config, tools_for()).render(notification(), ALONE, degraded=False)
    lines = message.body.decode().splitlines()
    assert lines == [
        "🔴 严重 · crash-loop · payments/Deployment/worker · 始于 22:02 CST · 43 次",
        "  告警中，始于 22:02 CST（12 分钟）",
        "  原因         Deployment/worker keeps crashing",
        "  含义         The container ends soon after each start; the kubelet waits longer each time.",
        "  下一步       kubectl -n payments logs worker-7d9c-x2x1 --previous",
        "  处置手册     https://runbooks.example.com/crash-loop",
        "  位置         payments/Deployment/worker",
        "  节点         n-17",
        "  受影响       worker-7d9c-x2x1, worker-7d9c-k8fq 及另外 3 个",
        "  次数         规则的时间窗口内约 30 次，共 43 次",
        "  Image        registry.example.com/worker:1.4.2",
        "  规则         crash-loop",
        "  消息         Back-off restarting failed container worker in pod worker-7d9c-x2x1",
        "  集群         prod-eu",
    ]


def test_the_samples_say_what_the_packs_say() -> None:
    rules = {rule.name: rule for rule in load(None, environ={}).rules}
    told = sample(NotificationKind.SUMMARY, destination="d", receiver="r", cluster="c", now=NOW)
    for view in told.content.alerts:
        assert view.annotations == rules[view.rule].annotations
