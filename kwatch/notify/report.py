"""What a digest says of its period as a whole: when things began, whose they are, what was not told. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content, Part, Undelivered
from kwatch.notify.escape import cut, line
from kwatch.notify.facts import and_more, duration, where
from kwatch.notify.words import Words

_SLOTS = 25  # of a sparkline: the hours of the day on which clocks are set back
_WIDTHS = {
    timedelta(minutes=5): "5 minutes",
    timedelta(minutes=15): "15 minutes",
    timedelta(hours=1): "hour",
    timedelta(hours=6): "6 hours",
    timedelta(days=1): "day",
    timedelta(days=7): "week",
}
_LONGEST = timedelta(days=7)
_BARS = "▂▃▄▅▆▇█"
_NONE = "▁"  # as wide as the bars in every font
_GROUPS, _PLACES, _RULES = 12, 3, 5
NOBODY = "no team"

#: A cell of a table, or a row, or the whole.
Report = dict[str, object]


def report(say: Words, content: Content, zone: tzinfo, now: datetime) -> Report:
    """Return the facts of a digest's period."""
    until = content.ends_at or now
    parts = tuple(_parts(content))
    groups, word = _groups(say, parts)
    return {
        **_beginnings(say, parts, content.starts_at, until, zone),
        "came_and_went": _came_and_went(say, parts),
        "group_word": word,
        "groups": groups,
        "rules": _rules(parts),
        "suppressed": [
            say("{count} by {whom}", count=each.count, whom=_short(say.retold(each.by))) for each in content.suppressed
        ],
        "undelivered": [_undelivered(say, each) for each in content.undelivered],
    }


def _undelivered(say: Words, each: Undelivered) -> str:
    what = say("{count} given up" if each.is_dead else "{count} waiting", count=each.count)
    return f"{each.destination}: {what}" + (f" ({say.retold(each.reason.replace('_', ' '))})" if each.reason else "")


def _parts(content: Content) -> Iterator[tuple[Part, Sequence[AlertView]]]:
    """Yield the alerts that are listed of each section."""
    views = iter(content.alerts)
    for section in content.sections:
        yield section.part, tuple(islice(views, section.listed))


def _beginnings(
    say: Words, parts: Sequence[tuple[Part, Sequence[AlertView]]], since: datetime, until: datetime, zone: tzinfo
) -> Report:
    """Return how much began in each slot of the period."""
    width = next((each for each in _WIDTHS if (until - since) / each <= _SLOTS), _LONGEST)
    slots = [0] * min(_SLOTS, max(1, -((since - until) // width)))
    for part, views in parts:
        for view in views if part is not Part.STILL_OPEN else ():
            number = int((view.starts_at - since) / width)
            if view.starts_at >= since and number < len(slots):
                slots[number] += 1
    most = max(slots)
    form = "%H:%M" if width < timedelta(days=1) else say("%a %d %b")
    starts = [(since + width * number).astimezone(zone).strftime(form) for number in range(len(slots))]
    return {
        "slots": [
            {"at": at, "count": count, "share": count * 100 // (most or 1)}
            for at, count in zip(starts, slots, strict=True)
        ],
        "sparkline": "".join(_bar(count, most) for count in slots),
        "slot": say(_WIDTHS[width]),
        "began": sum(slots),
        "busiest": f"{starts[slots.index(most)]} ({most})" if most else "",
    }


def _bar(count: int, most: int) -> str:
    return _BARS[(count * len(_BARS) - 1) // most] if count else _NONE


def _groups(say: Words, parts: Sequence[tuple[Part, Sequence[AlertView]]]) -> tuple[list[Report], str]:
    """Return how much each team has of each part, else each namespace; and which of the two it is."""
    has_teams = any(view.labels.get("team") for _, views in parts for view in views)
    counts: dict[str, Counter[str]] = {}
    for part, views in parts:
        for view in views:
            counts.setdefault(_group(say, view.labels, has_teams=has_teams), Counter())[part.value] += 1
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1].total(), entry[0]))
    rows: list[Report] = [{"name": name, **{part.value: row[part.value] for part in Part}} for name, row in ordered]
    return rows[:_GROUPS] if len(rows) > 1 else [], say("Team") if has_teams else say("Namespace")


def _group(say: Words, labels: Mapping[str, str], *, has_teams: bool) -> str:
    if has_teams:
        return _short(labels.get("team", "")) or say(NOBODY)
    return labels.get("namespace") or say("the cluster")


def _came_and_went(say: Words, parts: Sequence[tuple[Part, Sequence[AlertView]]]) -> list[Report]:
    """Return what came and went by rule and namespace, a line each: nobody has to do anything about one of them."""
    found: dict[tuple[str, str], list[AlertView]] = {}
    for part, views in parts:
        for view in views if part is Part.CAME_AND_WENT else ():
            found.setdefault((_short(view.rule), _short(view.labels.get("namespace", ""))), []).append(view)
    ordered = sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return [
        {
            "rule": rule,
            "namespace": namespace,
            "count": len(views),
            "places": and_more(say, tuple(_places(views)[:_PLACES]), len(_places(views))),
            "often": _often(say, views),
        }
        for (rule, namespace), views in ordered[:_GROUPS]
    ]


def _often(say: Words, views: Sequence[AlertView]) -> str:
    longest = duration(say, max((view.ends_at or view.starts_at) - view.starts_at for view in views))
    text = "once, for {longest}" if len(views) == 1 else "{count} times, the longest {longest}"
    return say(text, count=len(views), longest=longest)


def _places(views: Sequence[AlertView]) -> list[str]:
    """Return where it was, without the namespace, each once."""
    return list(dict.fromkeys(_short(where({**view.labels, "namespace": ""})) for view in views))


def _rules(parts: Sequence[tuple[Part, Sequence[AlertView]]]) -> list[Report]:
    """Return the rules of which most was told, as far as it was more than once."""
    counted = Counter(_short(view.rule) for _, views in parts for view in views)
    ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"rule": rule, "count": count} for rule, count in ordered[:_RULES] if count > 1]


def _short(text: str) -> str:
    return cut(line(text), 100)
