"""What is decided in English is told in the language of the reader: each sentence that kwatch puts together."""

import re
import string
from datetime import timedelta

import pytest
from msgspec.structs import replace

from kwatch.alerts.annotated import Mute
from kwatch.alerts.limits import _WORDS as LIMITS
from kwatch.alerts.planlines import line_of, name_of
from kwatch.alerts.records import PlannedChange
from kwatch.errors import Reason
from kwatch.lifecycle import started, stopped
from kwatch.model.conditions import AllOf
from kwatch.model.planned import PlannedKind
from kwatch.model.silences import Silence
from kwatch.notify.clicks import _WHY as REFUSALS
from kwatch.notify.words import WORDS
from kwatch.notify.words.zh_kept import KEPT
from kwatch.outbox.retry import TOO_OLD
from kwatch.outbox.trouble import NO_ANSWER, Trouble, failing, given_up, recovered
from kwatch.store.deliveries import Queue
from tests.notify.samples import NOW

ZH = WORDS["zh"]

SILENCE = Silence(
    id="s1",
    match=AllOf(()),
    asked="",
    starts_at=NOW,
    ends_at=NOW,
    owner="ann",
    comment="",
    created_at=NOW,
)


def change(kind: PlannedKind, pods: int = 3) -> PlannedChange:
    """Return a change that took 100 seconds."""
    since = NOW - timedelta(seconds=100)
    return PlannedChange(kind=kind, subject="Deployment shop/web", started_at=since, until=NOW, pods=pods, done_at=NOW)


def line(kind: PlannedKind) -> str:
    """Return what is told of a change that went well."""
    return line_of(change(kind), [{"namespace": "shop"}], "c", NOW).message


def refuses(reason: Reason) -> str:
    return failing("chat", Trouble(reason.value, NOW), 1).text


ROLLOUT = name_of(change(PlannedKind.ROLLOUT))
QUEUES = {"chat": Queue(2, NOW), "mail": Queue(1, NOW)}

#: What is said, and how it is said in Chinese.
SENTENCES = [
    (SILENCE.title, "已由 ann 静默至 2026-03-01 14:14 UTC"),
    (replace(SILENCE, ends_at=None, comment="we know: wait").title, "已由 ann 静默，直到恢复：we know: wait"),
    (Mute("Deployment shop/web", NOW, "").title, "已由 Deployment shop/web 的注解静默至 2026-03-01 14:14 UTC"),
    (
        Mute("Deployment shop/web", NOW, "we know").title,
        "已由 Deployment shop/web 的注解静默至 2026-03-01 14:14 UTC：we know",
    ),
    (f"held back by {ROLLOUT}", "因 Deployment shop/web 的发布 暂缓"),
    ("muted in the window nights until 2026-03-02 06:00 UTC", "在时段 nights 内静默，至 2026-03-02 06:00 UTC"),
    ("muted outside office and oncall", "在时段 office and oncall 之外静默"),
    (
        "held for the end of the window nights until 2026-03-02 06:00 UTC",
        "暂存至时段 nights 结束（2026-03-02 06:00 UTC）",
    ),
    ("the silence of ann", "ann 的静默"),
    ("the window nights", "时段 nights"),
    (f"{ROLLOUT}, which takes too long", "Deployment shop/web 的发布，耗时过长"),
    ("nothing matched for 1h30m", "1h30m 内没有匹配到任何情况"),
    ("blind from 2026-03-01 12:00 to 2026-03-01 14:14 UTC", "2026-03-01 12:00 至 2026-03-01 14:14 UTC 期间未能监视"),
    ("held back by node-not-ready (Node/n-4)", "因 node-not-ready (Node/n-4) 暂缓"),
    (line(PlannedKind.ROLLOUT), "Deployment shop/web 发布完成：3 个 Pod，用时 1 分 40 秒；1 个告警已自行恢复"),
    (line(PlannedKind.SCALE_DOWN), "Deployment shop/web 缩容完成：减少 3 个 Pod，用时 1 分 40 秒；1 个告警已自行恢复"),
    (line(PlannedKind.DRAIN), "Deployment shop/web 腾空完成：迁移 3 个 Pod，用时 1 分 40 秒；1 个告警已自行恢复"),
    (line(PlannedKind.JOB_END), "Deployment shop/web 已完成工作；1 个告警已自行恢复"),
    (name_of(change(PlannedKind.SCALE_DOWN)), "Deployment shop/web 的缩容"),
    (name_of(change(PlannedKind.DRAIN)), "Deployment shop/web 的腾空"),
    (name_of(change(PlannedKind.JOB_END)), "Deployment shop/web 的结束"),
    (f"{ROLLOUT}, during which crash-loop (shop) began", "Deployment shop/web 的发布，期间 crash-loop (shop) 开始告警"),
    (
        failing("chat", Trouble(NO_ANSWER, NOW), 3).text,
        "目标 chat 自 14:14 UTC 起没有应答；3 条消息等待中。\n每隔几分钟会重试一次。",
    ),
    (
        failing("chat", Trouble("rate_limited", NOW), 1).text,
        "目标 chat 要求长时间等待；1 条消息等待中。\n届时会再次发送。",
    ),
    (
        refuses(Reason.UNAUTHORIZED),
        (
            "目标 chat 拒绝所有消息（未授权）；1 条消息等待中。\n"
            "请修正其配置或密钥。每 15 分钟以及加载配置（SIGHUP）时会再次尝试。"
        ),
    ),
    (
        refuses(Reason.GONE),
        "目标 chat 拒绝所有消息（已不存在）；1 条消息等待中。\n请修正其配置或密钥。加载配置（SIGHUP）时会再次尝试。",
    ),
    (recovered("chat", Trouble("gone", NOW), NOW + timedelta(minutes=7)).text, "目标 chat 在 7 分钟后恢复接收消息。"),
    (
        given_up("chat", 1, "orphaned").text,
        (
            "1 条消息未能送达 chat（原凭据已不存在）。\n那里的事件仍处于打开状态：请手动关闭。\n"
            "详见：kwatch deliveries list --in dead"
        ),
    ),
    (given_up("chat", 4, TOO_OLD).text, "4 条消息未能送达 chat（已过期）。\n详见：kwatch deliveries list --in dead"),
    (started("1.0", "", "prod", {}), "kwatch 1.0 已启动，正在监视 prod。"),
    (
        started("1.0", "0.9", "prod", QUEUES),
        (
            "kwatch 已从 0.9 升级到 1.0，正在监视 prod。\n"
            "此前遗留：chat 2 条（最早的一条：2026-03-01 14:14 UTC），mail 1 条（最早的一条：2026-03-01 14:14 UTC）。"
        ),
    ),
    (stopped("1.0", "prod", NOW), "kwatch 1.0 已于 14:14 UTC 停止：重新启动之前，无人监视 prod。"),
]
#: Sentences whose values are their own.
REASONS = [*(reason.value for reason in Reason), TOO_OLD]


@pytest.mark.parametrize(("english", "chinese"), SENTENCES)
def test_a_sentence_that_was_put_together_in_english_is_told_in_chinese(english: str, chinese: str) -> None:
    assert ZH.retold(english) == chinese
    assert WORDS["en"].retold(english) == english


@pytest.mark.parametrize(
    "english", [*LIMITS.values(), *REFUSALS.values(), *(reason.replace("_", " ") for reason in REASONS)]
)
def test_each_word_of_a_closed_set_has_its_chinese(english: str) -> None:
    assert not re.search("[a-z]{2,}", ZH.retold(english).replace("kwatch", ""))


@pytest.mark.parametrize("form", KEPT)
def test_no_form_is_taken_for_another_and_no_value_is_lost(form: str) -> None:
    values = {name: name.upper() for _, name, _, _ in string.Formatter().parse(form) if name}
    assert ZH.retold(form.format(**values)) == KEPT[form].format(**values)


@pytest.mark.parametrize(
    "text",
    [
        "the team of ann looks after it",
        "silenced",
        "silenced until  by ",
        "one\nkwatch stopped",
        "x" * 100_000,
        " rolled out: " * 40 + ", " * 200,  # where a form could be tried at many places
    ],
)
def test_what_others_wrote_stays(text: str) -> None:
    assert ZH.retold(text) == text
