"""What stands between a match and a message, for people: what a rule waits for, and the windows of a route. Pure."""

from collections.abc import Iterator
from datetime import timedelta

from kwatch.model.rules import Rule
from kwatch.model.windows import Schedule

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def of_rule(rule: Rule) -> Iterator[str]:
    """Yield what must be so beside the match."""
    if rule.rate is not None:
        what = f"different values of {rule.rate.distinct}" if rule.rate.distinct else "of them"
        one = f", of one {', '.join(rule.rate.per)}" if rule.rate.per else ""
        yield f"{rule.rate.count} {what} come within {_text(rule.rate.within)}{one}"
    if rule.then is not None:
        yield f"what `then` asks for follows within {_text(rule.then.within)}"
    if rule.absent_for is not None:
        yield f"nothing like this comes for {_text(rule.absent_for)}"
    if rule.for_:
        yield f"it lasts for {_text(rule.for_)}"


def of_windows(schedule: Schedule, *, is_critical: bool) -> Iterator[str]:
    """Yield when a route tells; what is critical is never collected."""
    if schedule.active_in:
        yield f"only inside the window {' or '.join(schedule.active_in)}"
    if schedule.mute_in:
        yield f"not inside the window {' or '.join(schedule.mute_in)}"
    if schedule.hold_in and not is_critical:
        yield f"at the end of the window {' or '.join(schedule.hold_in)}, where it is open"


def _text(duration: timedelta) -> str:
    """Return a duration as the YAML writes it: 1h30m."""
    left, text = int(duration.total_seconds()), ""
    for unit, seconds in _UNITS:
        amount, left = divmod(left, seconds)
        text += f"{amount}{unit}" if amount else ""
    return text or "0s"
