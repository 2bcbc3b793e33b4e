"""When an alert begins and ends: one judgement over its members (spec 2.4).

Rules for this file: it reads an alert and says what it should be; it changes nothing. It is asked again at `due_at`,
and after everything that was heard of a member. A member that is not live (its source is out of sync, or its state
could not be judged) moves nothing: its timers wait, and run at the instant at which it is live again.

    not firing   a TRUE member whose `for` is up          → FIRING since that member's truth
                 TRUE members only                        → PENDING
                 none                                     → INACTIVE
    firing       a TRUE member that is live               → FIRING
                 TRUE members, all quiet for long enough  → RESOLVED since the last occurrence (`quiet`),
                                                            EXPIRED where the rule was another then
                 TRUE members that nobody can see         → EXPIRED `expire_after` after the last evidence
                 none, each FALSE for `resolve_hold`      → RESOLVED since the last became false
                 none, and the last of them was deleted   → RESOLVED at once
"""

from datetime import datetime, timedelta

import msgspec

from kwatch.alerts.quiet import quiet_at
from kwatch.alerts.records import Alert, Member
from kwatch.alerts.sequences import waits_until
from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.findings import Truth
from kwatch.model.rules import OnDelete, Rule


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What an alert is from now on, since when, why, and when to ask again."""

    state: AlertState
    reason: str
    since_at: datetime | None = None  # when that began in truth, where it is known
    end_reason: EndReason | None = None
    due_at: datetime | None = None


def judge(alert: Alert, rule: Rule, now: datetime, *, may_expire: bool) -> Verdict:
    """Say what an alert of a rule should be now; `may_expire` is False until every source has been heard once."""
    if alert.state is not AlertState.FIRING:
        return _judge_beginning(alert, rule, now)
    if any(member.truth is Truth.TRUE and member.is_live for member in alert.members.values()):
        return Verdict(AlertState.FIRING, "true")  # mostly the first of however many
    wrong = [member for member in alert.members.values() if member.truth is Truth.TRUE]
    if wrong or not alert.members:
        return _judge_expiry(alert, wrong, rule, now, may_expire=may_expire)
    return _judge_end(alert, rule, now)


def _judge_beginning(alert: Alert, rule: Rule, now: datetime) -> Verdict:
    wrong = [member for member in alert.members.values() if member.truth is Truth.TRUE]
    if not wrong:
        return Verdict(AlertState.INACTIVE, "false before `for` was up")
    # A moment is its own evidence; a state must be seen to have lasted.
    certain = [member for member in wrong if alert.is_moment or member.is_live]
    if not certain:
        return Verdict(AlertState.PENDING, "unknown")
    since_at = min(member.since_at for member in certain)
    if since_at + rule.for_ > now:
        return Verdict(AlertState.PENDING, "true", since_at, due_at=since_at + rule.for_)
    return Verdict(AlertState.FIRING, "true for `for`" if rule.for_ else "true", since_at)


def _judge_expiry(alert: Alert, wrong: list[Member], rule: Rule, now: datetime, *, may_expire: bool) -> Verdict:
    if not may_expire:
        return Verdict(AlertState.FIRING, "unknown")
    expires_at, ends_at = alert.seen_at + rule.expire_after, quiet_at(alert, rule)
    if ends_at is not None and ends_at <= now:
        since_at = max(member.seen_at for member in wrong)
        if any(member.is_stale for member in wrong):  # what the rule asks for now, nobody has heard of
            return Verdict(AlertState.EXPIRED, "rule changed", since_at, EndReason.RULE_CHANGED)
        return Verdict(AlertState.RESOLVED, "quiet for `quiet`", since_at, EndReason.QUIET)
    if expires_at > now:
        due_at = expires_at if ends_at is None else min(ends_at, expires_at)
        return Verdict(AlertState.FIRING, "unknown", due_at=due_at)
    return Verdict(AlertState.EXPIRED, "no evidence for `expire_after`", alert.seen_at, EndReason.NOT_OBSERVED)


def _judge_end(alert: Alert, rule: Rule, now: datetime) -> Verdict:
    members = alert.members.values()
    if not all(member.is_live or member.is_gone for member in members):
        return Verdict(AlertState.FIRING, "unknown")
    last = max(members, key=lambda member: _ends_at(member, rule))
    due_at = _ends_at(last, rule)
    if due_at > now:
        return Verdict(AlertState.FIRING, "false, held", due_at=due_at)
    since_at = max(member.since_at for member in members)
    if last.is_gone:
        return Verdict(AlertState.RESOLVED, "object gone", since_at, EndReason.OBJECT_GONE)
    return Verdict(AlertState.RESOLVED, "false for `resolve_hold`", since_at, EndReason.HEALTHY)


def _ends_at(member: Member, rule: Rule) -> datetime:
    if member.is_gone and not member.is_held and rule.on_delete is OnDelete.RESOLVE:
        return member.since_at
    return member.since_at + rule.resolve_hold


#: Ended alerts are remembered at least this long: the API server keeps the Events that may still speak of them.
MEMORY = timedelta(hours=1)


def keep_until(alert: Alert, rule: Rule | None) -> datetime:
    """Say how long an alert that is not open must be remembered: for its window, its dedup and its next episode.

    The next episode alone is left of a rule that was removed: it may come back.
    """
    if rule is None:
        return alert.seen_at if alert.ended_at is None else alert.ended_at + MEMORY
    needs = [alert.seen_at]
    if alert.ended_at is not None:
        needs.append(alert.ended_at + max(rule.reopen_window, MEMORY))
    if alert.transitions:
        needs.append(alert.transitions[-1] + rule.flapping.within)
    if alert.notice_at is not None:
        # What became of it may be asked, and what was dropped is shown in the next, if that comes before long.
        needs.append(alert.notice_at + rule.dedup_window + MEMORY)
    if rule.rate is not None and alert.window:
        needs.append(max(kept.t1 for kept in alert.window) + rule.rate.within)
    if rule.then is not None:
        needs += [waits_until(step, rule.then) for step in alert.steps]
    return max(needs)
