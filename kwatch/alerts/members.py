"""What a finding says of one member of an alert. Each function changes the alert's members and nothing else of it but
`seen_at`; what follows from that is judged in `lifecycle`.
"""

from datetime import datetime

from kwatch.alerts.records import Alert, Member
from kwatch.alerts.wrong import own_labels
from kwatch.model.alerts import AlertState
from kwatch.model.findings import Finding, FindingKind, Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import OnDelete

#: Members kept per alert; beyond, those that are no longer wrong are let go, then the oldest, and counted.
KEPT = 1000
#: Where those that are wrong stay, the others are looked for each time that so many more have come: they may be none.
LOOK_EACH = 100


def has_uid(ref: ObjectRef) -> bool:
    """Whether the uid names the object in time; the kubelet writes a Node's name there in the Events about it."""
    return ref.uid not in ("", ref.name)


def member_key(ref: ObjectRef) -> str:
    """Name a member by its uid, else by what else is known of it."""
    return ref.uid if has_uid(ref) else plain_key(ref)


def member_keys(ref: ObjectRef) -> tuple[str, ...]:
    """Return every name under which a member may be kept, the certain one first."""
    return (ref.uid, plain_key(ref)) if has_uid(ref) else (plain_key(ref),)


def plain_key(ref: ObjectRef) -> str:
    """Name an object by kind, namespace and name."""
    return f"{ref.group}/{ref}"


def find_member(alert: Alert, ref: ObjectRef) -> Member | None:
    """Return the member that a finding speaks of."""
    return next((alert.members[key] for key in member_keys(ref) if key in alert.members), None)


def is_wrong(alert: Alert, ref: ObjectRef) -> bool:
    """Whether an object is a member of which the truth is known to be bad."""
    member = find_member(alert, ref)
    return member is not None and member.truth is Truth.TRUE


def is_known(alert: Alert, finding: Finding) -> bool:
    """Return whether a finding tells a firing alert what it knows; then no more follows than a later deadline.

    That one is set when the earlier runs out, so that an alert of many members need not be judged at each occurrence.
    """
    if alert.state is not AlertState.FIRING or finding.truth is not Truth.TRUE:
        return False
    member = find_member(alert, finding.member)
    return member is not None and member.truth is Truth.TRUE and (alert.is_moment or member.is_live)


def is_disowned(alert: Alert, finding: Finding) -> bool:
    """Return whether a rule that is another now says that a member, wrong by the old one, is not what it asks for.

    That is no evidence that the member is healthy.
    """
    member = find_member(alert, finding.member)
    says_over = Truth.TRUE if finding.kind is FindingKind.EVIDENCE else Truth.FALSE
    return member is not None and member.is_stale and finding.truth is says_over


def apply_state(alert: Alert, finding: Finding, now: datetime) -> None:
    """Take a level rule's truth on one object."""
    member = find_member(alert, finding.member)
    if finding.truth is Truth.UNKNOWN:
        _lose(alert, member, now)
    elif member is not None:
        member.is_observed, member.is_stale = True, False
        member.seen_at = now
        member.expected_until = finding.expected_until
        if finding.truth is Truth.TRUE is not member.truth:
            member.labels = own_labels(alert, finding)
        _turn(member, finding.truth, finding.since_at, now, finding.broken_at)
    elif finding.truth is Truth.TRUE:
        _add(alert, finding, min(finding.since_at, now), is_observed=True)
    if finding.truth is Truth.TRUE:
        alert.seen_at = now


def apply_occurrence(alert: Alert, finding: Finding, now: datetime) -> None:
    """Take a moment: the member is wrong again, unless the evidence against it is newer.

    Events have seconds: of one and the same the moment counts, and evidence that still holds is heard again after it.
    """
    at = min(finding.since_at, now)
    alert.seen_at = max(alert.seen_at, at)
    member = find_member(alert, finding.member)
    if member is None:
        _add(alert, finding, at, is_observed=False)
        return
    member.is_stale = False
    member.seen_at = max(member.seen_at, at)
    member.expected_until = finding.expected_until
    if member.truth is Truth.FALSE and at >= member.since_at and not member.is_gone:
        member.truth, member.since_at, member.labels = Truth.TRUE, at, own_labels(alert, finding)
        member.is_observed = False  # until its state is heard again


def apply_evidence(alert: Alert, finding: Finding, now: datetime) -> None:
    """Take an event rule's `resolve` on a member: TRUE ends it, no earlier than its last occurrence; FALSE reopens."""
    member = find_member(alert, finding.member)
    if finding.truth is Truth.UNKNOWN:
        _lose(alert, member, now)
    elif member is not None and not member.is_gone:
        member.is_observed, member.is_stale = True, False
        member.expected_until = finding.expected_until
        if finding.truth is Truth.TRUE:
            _turn(member, Truth.FALSE, max(finding.since_at, member.seen_at), now, finding.broken_at)
        else:
            _turn(member, Truth.TRUE, finding.since_at, now)


def remove(alert: Alert, ref: ObjectRef, on_delete: OnDelete, now: datetime) -> None:
    """Take the end of an object: the end of its membership, or of what can be seen of it."""
    member = find_member(alert, ref)
    if member is None or member.is_gone:
        return
    member.is_gone = True
    if on_delete is OnDelete.RESOLVE:
        member.is_frozen = False
        _turn(member, Truth.FALSE, now, now)
    else:
        _lose(alert, member, now)


def miss(alert: Alert, ref: ObjectRef, on_delete: OnDelete, now: datetime) -> None:
    """Take an occurrence about an object that was already gone: nothing will end it, so it ends by itself."""
    member = find_member(alert, ref)
    if member is None or on_delete is OnDelete.KEEP or (member.is_gone and not member.is_held):
        return
    member.is_gone = member.is_held = True
    member.truth, member.since_at, member.is_frozen = Truth.FALSE, now, False


def freeze(alert: Alert, member: Member, now: datetime) -> None:
    """Its source is out of sync: until now it was seen."""
    if member.is_live:
        alert.seen_at = max(alert.seen_at, now)
    member.is_frozen = True


def prune(alert: Alert, *, keep_wrong: bool) -> list[Member]:
    """Let go of members beyond what is kept, those that are no longer wrong first, and return them.

    With `keep_wrong` those that are wrong all stay: a level rule must hear each of them end.
    """
    surplus = len(alert.members) - KEPT
    if surplus <= 0 or (keep_wrong and surplus % LOOK_EACH != 1):
        return []
    healthy = [key for key, member in alert.members.items() if member.truth is Truth.FALSE]
    wrong = [] if keep_wrong else [key for key, member in alert.members.items() if member.truth is Truth.TRUE]
    wrong.sort(key=lambda key: alert.members[key].seen_at)
    gone = (healthy + wrong)[:surplus]
    alert.unlisted += len(gone)
    return [alert.members.pop(key) for key in gone]


def _add(alert: Alert, finding: Finding, at: datetime, *, is_observed: bool) -> None:
    alert.members[member_key(finding.member)] = Member(
        ref=finding.member,
        truth=Truth.TRUE,
        since_at=at,
        seen_at=at,
        is_observed=is_observed,
        expected_until=finding.expected_until,
        labels=own_labels(alert, finding),
    )


def _turn(member: Member, truth: Truth, since_at: datetime, now: datetime, broken_at: datetime | None = None) -> None:
    """Take the truth of a member: since when it is so, or, where it was so before, is so again after a break."""
    if member.truth is truth:
        since_at = broken_at or member.since_at
    member.truth = truth
    member.since_at = min(max(since_at, member.since_at), now)


def _lose(alert: Alert, member: Member | None, now: datetime) -> None:
    if member is not None:
        if member.is_live:
            alert.seen_at = max(alert.seen_at, now)
        member.is_observed = False
