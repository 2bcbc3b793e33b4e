"""When a group speaks, and what it says (S-52 to S-68)."""

from datetime import timedelta

import msgspec
from world import World, at, event, level, rate, route, seconds

from kwatch.model.conditions import AllOf, LabelIs, Text
from kwatch.model.notifications import NotificationKind
from kwatch.model.routes import Destination, Route
from kwatch.model.rules import Flapping, Mode, Severity

BY_NAMESPACE = route(group_by=("namespace",), group_wait=seconds(15), group_interval=seconds(120))


def world_of(*rules, **words) -> World:
    return World(*rules, root=BY_NAMESPACE, **words)


def test_S52_alerts_within_group_wait_share_a_message():
    world = world_of(level())
    world.true(0, "a")
    world.true(10, "b")
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+a", "+b"))]


def test_S53_an_alert_at_the_instant_of_the_flush_is_in_it():
    world = world_of(level())
    world.true(0, "a")
    world.true(15, "b")
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+a", "+b"))]


def test_S54_what_is_over_before_the_flush_is_not_told():
    world = world_of(level())
    world.true(0)
    world.false(10)
    world.advance(1000)
    assert world.told == []
    assert world.counters["came_and_went"] == 1


def test_S55_a_change_waits_for_the_interval():
    world = world_of(level())
    world.true(0, "a")
    world.true(10, "b")
    world.true(20, "c")
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+a", "+b")), (135, "team-slack", "update", ("a", "b", "+c"))]


def test_S56_a_change_after_a_long_quiet_waits_for_group_wait():
    world = world_of(level())
    world.true(0, "a")
    world.true(500, "b")
    world.advance(1000)
    assert world.brief == ["firing@15", "update@515"]


def test_S57_a_group_that_is_all_over_does_not_wait_for_the_interval():
    world = world_of(level())
    world.true(0, "a")
    world.true(20, "b")
    world.false(200, "a")
    world.false(200, "b")
    world.advance(1000)
    assert world.told[1:] == [(135, "team-slack", "update", ("a", "+b")), (200, "team-slack", "resolved", ("-a", "-b"))]


def test_S57_nor_before_group_wait_after_the_last_message():
    world = world_of(level())
    world.true(0)
    world.false(20)
    world.advance(1000)
    assert world.brief == ["firing@15", "resolved@30"]


def test_S58_a_critical_alert_does_not_wait():
    world = world_of(level(), level("worse", severity=Severity.CRITICAL))
    world.true(0, "a")
    world.true(20, "b", rule="worse")
    world.advance(1000)
    assert world.told == [(15, "team-slack", "firing", ("+a",)), (20, "team-slack", "update", ("+b", "a"))]


def test_a_route_may_let_critical_alerts_wait():
    for root, second in ((route(group_wait=seconds(15)), 0), (route(critical_wait=seconds(5)), 5)):
        world = World(level(severity=Severity.CRITICAL), root=root)
        world.true(0)
        world.advance(100)
        assert world.told[0].second == second


def test_group_wait_is_15_seconds_where_nothing_is_said():
    world = World(level(), root=Route(receiver="team"))
    world.true(0)
    world.advance(100)
    assert world.brief == ["firing@15"]


def test_S59_what_came_and_went_between_messages_is_one_line_in_the_next():
    world = world_of(level())
    world.true(0, "a")
    world.true(20, "b")
    world.false(30, "b")
    world.advance(400)
    assert world.brief == ["firing@15"]
    world.true(400, "c")
    world.advance(1000)
    assert world.told[1:] == [(415, "team-slack", "update", ("a", "+c"))]
    assert world.notifications[1].content.came_and_went == ("broken (shop, Pod/b)",)


def test_S59_what_comes_and_goes_for_long_is_bounded():
    world = world_of(level(flapping=Flapping(transitions=0)))
    world.true(0, "a")
    world.advance(15)
    for number in range(300):
        world.true(20, f"p{number % 150}")
        world.false(20, f"p{number % 150}")
    world.true(30, "b")
    world.advance(1000)
    assert world.brief == ["firing@15", "update@135"]
    lines = world.notifications[1].content.came_and_went
    assert (len(lines), lines[-1]) == (100, "broken (shop, Pod/p149)")


def test_S60_a_matcher_put_otherwise_is_the_same_group():
    one = route(match=LabelIs("rule", (Text("broken"),)))
    other = route(match=AllOf((LabelIs("rule", (Text("broke?"),)),)))
    world = World(level(), root=one)
    world.true(0)
    world.root = other
    world.restart(10)
    world.true(20, since=0, is_initial=True)
    world.thaw(20)
    world.start_complete(20)
    world.false(30)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@30"]
    assert world.notifications[0].incident == world.notifications[1].incident


def test_S61_group_by_changes():
    world = World(level(), root=route(group_by=("namespace",)))
    world.true(0, "a")
    world.root = route(group_by=("workload",))
    world.restart(10)
    world.true(20, "a", since=0, is_initial=True)
    world.thaw(20)
    world.start_complete(20)
    world.true(30, "b")
    world.false(40, "a")
    world.advance(1000)
    assert world.told == [
        (0, "team-slack", "firing", ("+a",)),
        (30, "team-slack", "firing", ("+b",)),
        (40, "team-slack", "resolved", ("-a",)),
    ]
    assert world.notifications[2].incident == world.notifications[0].incident


def test_S62_a_thousand_alerts_make_one_message():
    world = world_of(level())
    for number in range(1200):
        world.true(0, f"p{number}")
    world.advance(1000)
    assert world.brief == ["firing@15"]
    content = world.notifications[0].content
    assert (len(content.alerts), content.alert_count, content.firing_count) == (1000, 1200, 1200)


def test_S63_a_notice_is_told_once_per_window():
    world = World(event(mode=Mode.NOTICE, dedup_window=seconds(300)))
    for second in (0, 299.9, 300):
        world.occur(second)
    world.advance(1000)
    assert world.brief == ["notice@0", "notice@300"]
    assert [told.content.notices_dropped for told in world.notifications] == [0, 1]
    assert world.notifications[1].content.alerts[0].count == 2


def test_S63_what_was_dropped_is_shown_also_when_the_next_notice_comes_later():
    world = World(event(mode=Mode.NOTICE, dedup_window=seconds(300)))
    for second in (0, 299.9, 1000):
        world.occur(second)
    world.advance(2000)
    assert world.brief == ["notice@0", "notice@1000"]
    assert [told.content.notices_dropped for told in world.notifications] == [0, 1]


def test_S63_over_a_restart():
    world = World(event(mode=Mode.NOTICE, dedup_window=seconds(300)))
    world.occur(0)
    world.occur(100)
    world.restart(150)
    world.occur(200)
    world.occur(300)
    world.advance(1000)
    assert world.brief == ["notice@0", "notice@300"]
    assert world.notifications[1].content.notices_dropped == 2


def test_a_notice_is_no_part_of_what_is_open():
    world = World(level(), event("seen", mode=Mode.NOTICE))
    world.true(0)
    world.occur(10, rule="seen")
    world.false(20)
    world.advance(1000)
    assert world.brief == ["firing@0", "notice@10", "resolved@20"]
    assert len({told.incident for told in world.notifications}) == 2


def test_notices_within_group_wait_share_a_message():
    world = world_of(event(mode=Mode.NOTICE))
    world.occur(0, "a")
    world.occur(10, "b")
    world.restart(12)
    world.advance(1000)
    assert world.told == [(15, "team-slack", "notice", ("+a", "+b"))]


def test_a_notice_may_have_a_rate():
    world = World(event(mode=Mode.NOTICE, rate=rate(2, 60)))
    world.occur(0)
    world.occur(10)
    world.advance(1000)
    assert world.brief == ["notice@10"]


def test_S64_repeats_count_from_the_last_success():
    world = World(level(), root=route(group_wait=seconds(15), repeat_interval=seconds(3600)))
    world.true(0)
    world.advance(4000)
    assert world.brief == ["firing@15", "repeat@3615"]


def test_S65_repeats_are_kept_over_a_restart():
    world = World(level(), root=route(group_wait=seconds(15), repeat_interval=seconds(3600)))
    world.true(0)
    world.restart(1000)
    world.true(1001, since=0, is_initial=True)
    world.thaw(1002)
    world.start_complete(1002)
    world.advance(4000)
    assert world.brief == ["firing@15", "repeat@3615"]


def test_S65_a_success_that_the_engine_never_heard_of():
    world = World(level(), root=route(repeat_interval=seconds(3600)))
    world.is_down = True
    world.true(0)
    world.advance(0)
    known = World(level())
    known.ended(15, world.notifications[0])
    world.incidents = known.incidents
    world.restart(1000)
    world.start_complete(1000)
    world.advance(4000)
    assert world.brief == ["firing@0", "repeat@3615"]


def test_S66_one_repeat_after_a_long_failure():
    world = World(level(), root=route(repeat_interval=seconds(3600)))
    world.true(0)
    world.advance(1)
    world.is_down = True
    world.advance(3600 + 7200)
    assert world.brief == ["firing@0", "repeat@3600"]
    world.is_down = False
    world.ended(10_800, world.notifications[1])
    world.advance(14_399)
    assert world.brief == ["firing@0", "repeat@3600"]
    world.advance(14_400)
    assert world.brief == ["firing@0", "repeat@3600", "repeat@14400"]


def test_S68_repeat_0_is_exactly_one_message():
    world = World(level(), root=route(repeat_interval=timedelta(0)))
    world.true(0)
    world.advance(30 * 86_400)
    assert world.brief == ["firing@0"]


def test_what_was_sent_of_other_incidents_is_ignored():
    world = World(level(), root=route(repeat_interval=seconds(600)))
    world.true(0)
    world.advance(0)
    for incident in ("", "kw/test", "kw/summary/1", "kw/unknown/1"):
        world.engine.ended("team-slack", incident, NotificationKind.FIRING, at(300))
    world.advance(1000)
    assert world.brief == ["firing@0", "repeat@600"]


def test_a_destination_hears_what_is_severe_enough_and_no_end_where_it_wants_none():
    chat = Destination(name="chat", receiver="team", type="slack")
    pager = Destination(name="pager", receiver="team", type="webhook", severity=Severity.CRITICAL)
    silent = Destination(name="silent", receiver="team", type="webhook", send_resolved=False)
    worse = level("worse", severity=Severity.CRITICAL)
    world = World(level(), worse, root=route(group_by=("namespace",)), destinations=(chat, pager, silent))
    world.true(0, "a")
    world.true(1, "b", rule="worse")
    world.false(200, "b", rule="worse")
    world.false(400, "a")
    world.advance(1000)
    assert [told[1:] for told in world.told if told.destination == "pager"] == [
        ("pager", "firing", ("+b",)),
        ("pager", "resolved", ("-b",)),
    ]
    assert [told.kind for told in world.told if told.destination == "chat"] == [
        "firing",
        "update",
        "update",
        "resolved",
    ]
    assert [told.kind for told in world.told if told.destination == "silent"] == ["firing", "update"]


def test_a_removed_destination_is_told_the_end_and_forgotten():
    world = World(level())
    world.true(0)
    world.destinations = (Destination(name="mail", receiver="team", type="smtp"),)
    world.restart(10)
    world.false(20)
    world.thaw(20)
    world.advance(1000)
    assert world.brief == ["firing@0", "expired@10"]
    assert world.counters["destination_removed"] == 1


def test_ids_never_come_back():
    world = World(level(reopen_window=timedelta(0), flapping=Flapping(transitions=0)))
    for second in (0, 0, 20_000):
        world.true(second)
        world.advance(second)
        world.false(second)
        world.advance(second)
    assert len({told.id for told in world.notifications}) == len(world.notifications) == 6
    assert [told.sequence for told in world.notifications] == [1, 2] * 3


def test_the_content_says_it_all():
    world = World(level())
    world.true(0)
    world.advance(0)
    content = world.notifications[0].content
    assert (content.cluster, content.receiver, content.public_url) == ("prod", "team", "https://kwatch.example")
    assert content.group_labels == {"namespace": "shop", "workload": "Pod/a"}
    assert content.starts_at == at(0)
    assert msgspec.json.decode(msgspec.json.encode(content), type=type(content)) == content
