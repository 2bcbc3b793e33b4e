"""What every channel says: the same facts, the user's own words, and how it began, went on and ended."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kwatch.model.alerts import EndReason
from kwatch.model.notifications import Content, Count, NotificationKind, Part, Section
from kwatch.testing.contract.desk import Desk
from kwatch.testing.contract.samples import NOW, alert, content, ended, thread_of
from kwatch.testing.contract.suite import Suite

Kind = NotificationKind

#: What is said of each kind that stands for itself; capitals do not count.
SAID = {
    Kind.FIRING: ("critical", "crash-loop", "payments/deployment/worker", "since 14:02 utc (12 m)"),
    Kind.UPDATE: ("critical", "crash-loop", "payments/deployment/worker", "since 14:02 utc (12 m)"),
    Kind.REPEAT: ("crash-loop", "payments/deployment/worker", "still firing"),
    Kind.NOTICE: ("critical", "crash-loop", "payments/deployment/worker", "notice at 14:02 utc"),
    Kind.SUMMARY: ("summary", "1 problem was already there", "prod-eu"),
    Kind.OVERFLOW: ("overflow", "37 more", "14:02 utc", "21 × crash-loop (payments)", "deliveries show n7qf3-1"),
    Kind.DIGEST: ("digest", "14:02 utc to 14:14 utc", "1 new", "crash-loop", "payments/deployment/worker"),
    Kind.META: ("kwatch", "the destination oncall is suspended"),
    Kind.TEST: ("test", "the destination oncall is suspended"),
}
FACTS = (
    "prod-eu",
    "payments/Deployment/worker",
    "n-17",
    "Deployment/worker keeps crashing",
    "The container ends soon after each start; the kubelet waits longer each time.",
    "kubectl -n payments logs worker-7d9c-x2x1 --previous",
    "https://runbooks.example.com/crash-loop",
    "worker-7d9c-x2x1, worker-7d9c-k8fq and 3 more",
    "about 30 in the window of the rule, 43 in all",
    "registry.example.com/worker:1.4.2",
    "Back-off restarting failed container worker in pod worker-7d9c-x2x1",
    "late: began at 14:02 UTC while kwatch was not watching",
    "until now, by node-not-ready · Node/n-17",
)
OWN = {"title": "MARK-TITLE {{ kind }} {{ severity }}", "text": "MARK-TEXT {{ alerts[0].rule if alerts else kind }}"}


def facts_of(kind: Kind) -> Content:
    """Return the facts of a notification of each kind."""
    match kind:
        case Kind.META | Kind.TEST:
            return content(kind=kind, alerts=(), alert_count=0, text="the destination oncall is suspended")
        case Kind.OVERFLOW:
            counts = (Count("crash-loop", "payments", 21),)
            return content(alert(), alert(rule="other"), kind=kind, folded=37, counts=counts)
        case Kind.DIGEST:
            return content(kind=kind, sections=(Section(Part.NEW, 1, 1),))
        case _:
            return content(kind=kind)


class Messages(Suite):
    """What every channel says."""

    @pytest.mark.parametrize("kind", SAID)
    def test_each_kind_says_what_where_and_how_it_is(self, desk: Desk, kind: Kind) -> None:
        desk.tell(facts_of(kind))
        for words in SAID[kind]:
            assert words in desk.text.casefold()

    def test_one_notification_is_one_message(self, desk: Desk) -> None:
        desk.tell()
        assert len(desk.shown) == 1

    def test_two_at_once_do_not_mix(self, desk: Desk) -> None:
        desk.tell_at_once(content(), content(alert(rule="oom-kill", fingerprint="f2")))
        assert sorted("oom-kill" in shown.text for shown in desk.shown) == [False, True]

    @pytest.mark.parametrize("kind", [Kind.RESOLVED, Kind.EXPIRED])
    def test_an_end_is_told_as_what_it_is(self, desk: Desk, kind: Kind) -> None:
        thread = thread_of(desk.tell())
        desk.tell(content(kind=kind), thread, sequence=2)
        words = {Kind.RESOLVED: "RESOLVED after 12 m", Kind.EXPIRED: "NO LONGER OBSERVED"}
        assert any(shown.is_over or words[kind] in shown.text for shown in desk.shown)
        assert kind is Kind.RESOLVED or "RESOLVED" not in desk.text

    def test_an_end_says_what_has_ended_and_why(self, desk: Desk) -> None:
        thread = thread_of(desk.tell())
        desk.tell(content(kind=Kind.RESOLVED), thread, sequence=2)
        last = desk.text.casefold()
        assert any(shown.is_over for shown in desk.shown) or "it is healthy again" in last

    def test_the_facts_are_the_same_in_every_channel(self, desk: Desk) -> None:
        desk.tell(content(alert(held_back_by="node-not-ready · Node/n-17", is_late=True), is_late=True))
        for fact in FACTS:
            assert fact in desk.text

    def test_no_fact_is_left_out_where_there_are_many(self, desk: Desk) -> None:
        details = {f"detail_{number}": f"value-{number}." for number in range(1, 13)}
        said = {"acked_by": "ann", "acked_at": NOW, "escalated_to": ("oncall",), "held_back_by": "Node/n-18"}
        said |= {"last_at": NOW - timedelta(minutes=1), "muted_by": "silenced by bob"}
        desk.tell(content(alert(details=details, is_flapping=True, **said)))
        for fact in (
            *details.values(),
            "14:13 UTC",
            "until it is stable",
            "ann at 14:14",
            "oncall",
            "Node/n-18",
            "silenced by bob",
        ):
            assert fact in desk.text

    def test_a_detail_with_the_name_of_another_fact_is_told_beside_it(self, desk: Desk) -> None:
        names = (
            "status",
            "message",
            "rule",
            "runbook",
            "node",
            "cause",
            "cluster",
            "severity",
            "exit_code",
            "Exit code",
        )
        details = {name: f"value-{number}." for number, name in enumerate(names)}
        desk.tell(content(alert(details=details)))
        for fact in (*details.values(), "FIRING since 14:02 UTC", "crash-loop"):
            assert fact in desk.text

    def test_a_group_names_what_it_groups(self, desk: Desk) -> None:
        other = alert(rule="oom-kill", fingerprint="f2", labels={**alert().labels, "workload": "Deployment/api"})
        desk.tell(content(alert(), other))
        for words in ("crash-loop, oom-kill", "payments/Deployment/worker", "payments/Deployment/api"):
            assert words in desk.text

    def test_the_end_of_several_says_why_each_ended(self, desk: Desk) -> None:
        other = alert(rule="oom-kill", fingerprint="f2")
        thread = thread_of(desk.tell(content(alert(), other)))
        gone = replace(ended(other), end_reason=EndReason.OBJECT_GONE)
        desk.tell(content(kind=Kind.RESOLVED, alerts=(ended(alert()), gone), alert_count=2), thread, sequence=2)
        for words in ("it is healthy again", "the object is gone"):
            assert words in desk.text

    def test_times_are_in_the_zone_of_the_destination(self, desk: Desk) -> None:
        desk.tell(channel=desk.create(timezone="Asia/Shanghai"))
        assert "22:02 CST" in desk.text

    @pytest.mark.parametrize("kind", SAID)
    def test_T09_a_template_of_the_users_is_in_every_message(self, desk: Desk, kind: Kind) -> None:
        message = desk.render(facts_of(kind), channel=(channel := desk.create(template=OWN)))
        desk.send(message, channel=channel)
        assert f"MARK-TITLE {kind.value} critical" in desk.text
        assert "MARK-TEXT " in desk.text
        assert message.fallback_reason == ""

    def test_T09_a_template_of_the_users_is_in_the_plain_message(self, desk: Desk) -> None:
        desk.tell(degraded=True, channel=desk.create(template=OWN))
        assert "MARK-TITLE firing critical" in desk.text

    def test_P9_F44_a_template_that_fails_is_replaced_and_named(self, desk: Desk) -> None:
        channel = desk.create(template={"title": "{{ alerts[7].rule }}"})
        message = desk.render(channel=channel)
        desk.send(message, channel=channel)
        assert "crash-loop" in desk.text
        assert "payments/Deployment/worker" in desk.text
        assert message.fallback_reason.startswith("template title: ")
        assert "not as your template has it: template title: " in desk.text

    def test_an_annotation_that_fails_costs_only_itself(self, desk: Desk) -> None:
        message = desk.render(
            content(alert(annotations={"summary": "{{ nobody }}", "next_step": "look at {{ name }}"}))
        )
        desk.send(message)
        assert "look at worker-7d9c-x2x1" in desk.text
        assert message.fallback_reason == "annotation summary of rule crash-loop: 'nobody' is undefined"
        assert "not as your template has it: annotation summary of rule crash-loop: " in desk.text

    def test_each_rendering_gives_the_same_bytes(self, desk: Desk) -> None:
        assert desk.render() == desk.render(channel=desk.create())

    def test_F20_the_plain_message_says_what_and_where(self, desk: Desk) -> None:
        desk.tell(degraded=True)
        for words in ("critical", "crash-loop", "payments/deployment/worker"):
            assert words in desk.text.casefold()

    def test_F20_the_plain_message_is_the_shorter_one(self, desk: Desk) -> None:
        many = content(*(alert(fingerprint=f"f{n}", rule=f"rule-{n:03}", message="m" * 3000) for n in range(50)))
        assert len(desk.render(many, degraded=True).body) <= len(desk.render(many).body)

    def test_a_key_that_does_not_exist_is_refused(self, desk: Desk) -> None:
        with pytest.raises(ValueError, match="no_such_key"):
            desk.configure(no_such_key=1)

    def test_its_time_is_that_of_the_configuration(self, desk: Desk) -> None:
        assert desk.create(timeout="7s").timeout == 7.0

    def test_one_message_is_under_way_unless_the_configuration_says_more(self, desk: Desk) -> None:
        assert (desk.create().concurrency, desk.create(concurrency=3).concurrency) == (1, 3)
