"""Chinese (simplified): the sentences that are kept in English where they are decided, by their form.

Who silenced what, which window or change holds something back, what kwatch says of itself. A value of one may be a
sentence too. The more special form stands first.
"""

from collections.abc import Mapping
from typing import Final

KEPT: Final[Mapping[str, str]] = {
    # what keeps an alert quiet
    "silenced until it is resolved by {who}: {why}": "已由 {who} 静默，直到恢复：{why}",
    "silenced until it is resolved by {who}": "已由 {who} 静默，直到恢复",
    "silenced until {until} by {who}: {why}": "已由 {who} 静默至 {until}：{why}",
    "silenced until {until} by {who}": "已由 {who} 静默至 {until}",
    "muted until {until} by an annotation of {what}: {why}": "已由 {what} 的注解静默至 {until}：{why}",
    "muted until {until} by an annotation of {what}": "已由 {what} 的注解静默至 {until}",
    "held back by {what}": "因 {what} 暂缓",
    "muted in the window {window} until {until}": "在时段 {window} 内静默，至 {until}",
    "muted in the window {window}": "在时段 {window} 内静默",
    "muted outside {windows} until {until}": "在时段 {windows} 之外静默，至 {until}",
    "muted outside {windows}": "在时段 {windows} 之外静默",
    "held for the end of the window {window} until {until}": "暂存至时段 {window} 结束（{until}）",
    "held for the end of the window {window}": "暂存至时段 {window} 结束",
    "the silence of {who}": "{who} 的静默",
    "an annotation of {what}": "{what} 的注解",
    "the window {window}": "时段 {window}",
    "the hours outside {windows}": "时段 {windows} 之外的时间",
    "others": "其他",
    # planned changes
    "the {change}, during which {alert} began": "{change}，期间 {alert} 开始告警",
    "the {change}, which takes too long": "{change}，耗时过长",
    "the {change}, after which it did not end": "{change}，之后仍未恢复",
    "the {change}, which is stuck": "{change}，已停滞",
    "the {change}, which is paused": "{change}，已暂停",
    "the end of its Pods": "其 Pod 的结束",
    "the rollout of {what}": "{what} 的发布",
    "the scale-down of {what}": "{what} 的缩容",
    "the drain of {what}": "{what} 的腾空",
    "the end of {what}": "{what} 的结束",
    "rollout of {what}": "{what} 的发布",
    "scale-down of {what}": "{what} 的缩容",
    "drain of {what}": "{what} 的腾空",
    "end of {what}": "{what} 的结束",
    "{what} rolled out: {pods}, {lasted}, {alerts} came and went": (
        "{what} 发布完成：{pods}，用时 {lasted}；{alerts}已自行恢复"
    ),
    "{what} scaled down: {pods} fewer, {lasted}, {alerts} came and went": (
        "{what} 缩容完成：减少 {pods}，用时 {lasted}；{alerts}已自行恢复"
    ),
    "{what} drained: {pods} moved, {lasted}, {alerts} came and went": (
        "{what} 腾空完成：迁移 {pods}，用时 {lasted}；{alerts}已自行恢复"
    ),
    "{what} has done its work, {alerts} came and went": "{what} 已完成工作；{alerts}已自行恢复",
    "{count} Pod": "{count} 个 Pod",
    "{count} Pods": "{count} 个 Pod",
    "{count} alert": "{count} 个告警",
    "{count} alerts": "{count} 个告警",
    "{minutes} min {seconds} s": "{minutes} 分 {seconds} 秒",
    "{seconds} s": "{seconds} 秒",
    # what is absent
    "nothing matched for {span}": "{span} 内没有匹配到任何情况",
    # destinations
    "The destination {name} takes messages again, after {minutes} min.": (
        "目标 {name} 在 {minutes} 分钟后恢复接收消息。"
    ),
    "The destination {name} {trouble}; {waiting}.": "目标 {name} {trouble}；{waiting}。",
    "does not answer since {since}": "自 {since} 起没有应答",
    "asks to wait for long": "要求长时间等待",
    "refuses every message ({reason})": "拒绝所有消息（{reason}）",
    "Why: {detail}.": "原因：{detail}。",
    "{count} is waiting": "{count} 条消息等待中",
    "{count} are waiting": "{count} 条消息等待中",
    "It is tried again every few minutes.": "每隔几分钟会重试一次。",
    "It is told again then.": "届时会再次发送。",
    "Mend its configuration or its secret. It is asked again when the configuration is loaded (SIGHUP).": (
        "请修正其配置或密钥。加载配置（SIGHUP）时会再次尝试。"
    ),
    "Mend its configuration or its secret. It is asked again every {minutes} min and "
    "when the configuration is loaded (SIGHUP).": (
        "请修正其配置或密钥。每 {minutes} 分钟以及加载配置（SIGHUP）时会再次尝试。"
    ),
    "1 message was not delivered to {name} ({reason}).": "1 条消息未能送达 {name}（{reason}）。",
    "{count} messages were not delivered to {name} ({reason}).": "{count} 条消息未能送达 {name}（{reason}）。",
    "Incidents stay open there: close them by hand.": "那里的事件仍处于打开状态：请手动关闭。",
    "Which: {command}": "详见：{command}",
    # kwatch's own life
    "kwatch {version} started, and watches {cluster}.": "kwatch {version} 已启动，正在监视 {cluster}。",
    "kwatch was upgraded from {before} to {version}, and watches {cluster}.": (
        "kwatch 已从 {before} 升级到 {version}，正在监视 {cluster}。"
    ),
    "Left from before: {queues}.": "此前遗留：{queues}。",
    "kwatch {version} stopped at {at}: nobody watches {cluster} until it is started again.": (
        "kwatch {version} 已于 {at} 停止：重新启动之前，无人监视 {cluster}。"
    ),
    "{count} for {name} (the oldest of {at}), {rest}": "{name} {count} 条（最早的一条：{at}），{rest}",
    "{count} for {name} (the oldest of {at})": "{name} {count} 条（最早的一条：{at}）",
    "blind from {since} to {until}": "{since} 至 {until} 期间未能监视",
    "That is longer than API servers keep Events: what they told of that time may never be known.": (
        "这超过了 API 服务器保留事件的时间：该时段内的事件可能无从得知。"
    ),
    "the state was damaged, and kwatch began anew": "状态数据已损坏，kwatch 已重新开始",
    "The old one is kept: {path}": "旧数据已保留：{path}",
    "the new configuration is wrong, the old one stays in use": "新配置有误，继续使用旧配置",
    "and {count} more: {command}": "另有 {count} 处：{command}",
    "the cluster sends more than memory is for": "集群发送的内容超出了内存限额",
    "new alerts are not opened while {count} are open": "已有 {count} 个告警打开时，不再打开新的告警",
    "of more than {count} alerts that are not open the oldest are forgotten": (
        "未打开的告警超过 {count} 个，最早的已被遗忘"
    ),
    "of more than {count} groups that are over the oldest are forgotten": "已结束的分组超过 {count} 个，最早的已被遗忘",
    "absences of more than {count} values of keys are not watched": "超过 {count} 个键值的缺失不再监视",
    "planned changes beyond {count} at a time hold nothing": "同时超过 {count} 个的计划内变更不再暂缓告警",
    "of more than {count} notices that wait for company the oldest go out at once": (
        "等待合并的通知超过 {count} 条，最早的立即发送"
    ),
    "of more than {count} counts of Events the oldest are forgotten": "事件计数超过 {count} 个，最早的已被遗忘",
    # buttons
    "Nothing was done: {why}.": "未执行任何操作：{why}。",
    "this button is none of this kwatch, or of a destination that is gone": "此按钮不属于本 kwatch，或其目标已被移除",
    "this message is too old to be answered to": "此消息已过期，无法再响应",
    "you are not among those whom this destination allows to use its buttons": "您不在此目标允许使用按钮的人员之列",
    # why something was not delivered
    "rate limited": "受到限流",
    "dns": "域名无法解析",
    "address": "地址不被允许",
    "refused": "连接被拒绝",
    "connect timeout": "连接超时",
    "tls": "TLS 失败",
    "timeout": "超时",
    "reset": "连接中断",
    "server": "服务器出错",
    "unavailable": "暂不可用",
    "rejected": "被拒绝",
    "too large": "过大",
    "unauthorized": "未授权",
    "not found": "不存在",
    "gone": "已不存在",
    "redirect": "被重定向",
    "bad reply": "应答无效",
    "recipient": "收件人有误",
    "template": "模板出错",
    "secret": "密钥不可用",
    "orphaned": "原凭据已不存在",
    "other": "其他原因",
    "too old": "已过期",
    # samples
    "This is a test of kwatch {version}. Nothing is wrong.": "这是 kwatch {version} 的测试消息，一切正常。",
}
