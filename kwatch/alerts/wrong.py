"""The labels by which an alert is held back: those of each member that is wrong.

Members of one alert differ, in their names and nodes at least. What explains one of them, or is asked of one, says
nothing of the others: over-muting is the worse error (S-75). Where an alert goes, and how it is shown, its own say.
"""

from collections.abc import Mapping
from operator import attrgetter

from kwatch.alerts.records import Alert, Member
from kwatch.model.alerts import AlertView
from kwatch.model.findings import Finding, Truth

Labels = Mapping[str, str]

_OF_THE_ALERT = "severity"  # whatever a finding says


def own_labels(alert: Alert, finding: Finding) -> dict[str, str] | None:
    """Return how the labels of a member that is wrong by a finding differ from those of its alert; None: they do not.

    An alert that gathers takes the labels of each finding until it fires: there a member keeps all of its own.
    """
    if finding.rule.rate is not None or finding.rule.then is not None:
        return dict(finding.labels)
    named = [name for name in {**alert.labels, **finding.labels} if name != _OF_THE_ALERT]
    lacking = {name: finding.labels.get(name, "") for name in named}
    return {name: value for name, value in lacking.items() if value != alert.labels.get(name)} or None


def is_well(alert: Alert) -> bool:
    """Return whether an alert is open only until it is certain that it is over; what is absent has no members."""
    return bool(alert.members) and all(member.truth is Truth.FALSE for member in alert.members.values())


def labels_of_wrong(alert: Alert | AlertView) -> list[Labels]:
    """Return the labels of all that is wrong, or, where nothing is, of what was so last; what is shown is one."""
    if isinstance(alert, AlertView) or not alert.members:
        return [alert.labels]
    wrong = [member for member in alert.members.values() if member.truth is Truth.TRUE]
    return _labels(alert, wrong or [max(alert.members.values(), key=attrgetter("since_at"))])


def labels_of_all(alert: Alert) -> list[Labels]:
    """Return the labels of an alert and of all its members: of whatever it is about."""
    return [alert.labels, *_labels(alert, [member for member in alert.members.values() if member.labels is not None])]


def _labels(alert: Alert, members: list[Member]) -> list[Labels]:
    own = [_overlaid(alert, each.labels) for each in members if each.labels is not None]
    return own if len(own) == len(members) else [alert.labels, *own]


def _overlaid(alert: Alert, own: Labels) -> Labels:
    is_whole = _OF_THE_ALERT in own
    labels = {**({} if is_whole else alert.labels), **own, _OF_THE_ALERT: alert.severity.word}
    return {name: value for name, value in labels.items() if value}
