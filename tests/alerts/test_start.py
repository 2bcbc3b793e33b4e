"""The first start, and every start after it (T05, T06)."""

from world import Inhibition, World, at, event, labelled, level, route, seconds

from kwatch.model.routes import Destination
from kwatch.model.rules import Mode, Severity


def test_the_first_start_makes_one_summary():
    world = World(level(), is_first_start=True)
    for number in range(12):
        world.true(1, f"p{number:02}", since=-1000, is_initial=True)
    world.start_complete(5)
    world.advance(1000)
    assert world.brief == ["summary@5"]
    content = world.notifications[0].content
    assert (content.alert_count, content.is_late) == (12, False)
    assert content.starts_at == at(-1000)
    assert world.notifications[0].incident.startswith("kw/summary/")


def test_its_alerts_are_open_as_announced():
    world = World(level(), is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.true(1, "b", is_initial=True)
    world.start_complete(5)
    world.false(100, "a")
    world.advance(1000)
    assert world.told == [(5, "team-slack", "summary", ("+a", "+b")), (100, "team-slack", "resolved", ("-a",))]
    summary, resolved = world.notifications
    assert resolved.thread_of == summary.incident != resolved.incident


def test_they_are_repeated_as_if_told_one_by_one():
    world = World(level(), root=route(repeat_interval=seconds(3600)), is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.start_complete(5)
    world.advance(4000)
    assert world.brief == ["summary@5", "repeat@3605"]


def test_a_healthy_cluster_makes_no_summary():
    world = World(level(), is_first_start=True)
    world.start_complete(5)
    assert world.brief == []


def test_what_begins_during_the_first_list_is_told_by_itself():
    world = World(level(), is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.true(2, "b")
    world.start_complete(5)
    world.advance(1000)
    assert world.told == [(2, "team-slack", "firing", ("+b",)), (5, "team-slack", "summary", ("+a",))]


def test_what_is_over_before_the_summary_is_not_in_it():
    world = World(level(), is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.false(2, "a")
    world.start_complete(5)
    world.advance(1000)
    assert world.brief == []
    assert world.counters["came_and_went"] == 1


def test_what_lasts_for_long_enough_only_later_is_told_in_another():
    world = World(level(for_=seconds(60)), is_first_start=True)
    world.true(1, "a", since=-30, is_initial=True)
    world.true(1, "b", since=-90, is_initial=True)
    world.start_complete(5)
    world.advance(1000)
    assert world.told == [(5, "team-slack", "summary", ("+b",)), (30, "team-slack", "summary", ("+a",))]


def test_what_does_not_say_since_when_is_told_together_however_long_the_list_was():
    world = World(level(for_=seconds(60)), is_first_start=True)
    for second in (1, 2, 3):
        world.true(second, f"p{second}", is_initial=True)
    world.true(4, "new")
    world.start_complete(5)
    world.false(30, "p3")
    world.advance(1000)
    assert world.told == [(61, "team-slack", "summary", ("+p1", "+p2")), (64, "team-slack", "firing", ("+new",))]


def test_what_was_over_before_and_is_wrong_again_is_news():
    world = World(level(for_=seconds(60)), is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.start_complete(5)
    world.false(30, "a")
    world.true(40, "a")
    world.advance(1000)
    assert world.told == [(100, "team-slack", "firing", ("+a",))]


def test_each_destination_gets_what_it_wants_of_the_summary():
    chat = Destination(name="chat", receiver="team", type="slack")
    pager = Destination(name="pager", receiver="team", type="webhook", severity=Severity.CRITICAL)
    world = World(level(), level("worse", severity=Severity.CRITICAL), destinations=[chat, pager], is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.true(1, "b", rule="worse", is_initial=True)
    world.start_complete(5)
    world.advance(1000)
    assert world.told == [(5, "chat", "summary", ("+b", "+a")), (5, "pager", "summary", ("+b",))]


def test_the_summary_leaves_out_what_is_held_back():
    node = Inhibition(when=labelled(rule="node"), mute=labelled(rule="pod"), equal=("node",))
    world = World(level("node"), level("pod"), inhibitions=[node], is_first_start=True)
    world.true(1, "a", rule="pod", labels={"node": "n1"}, is_initial=True)
    world.true(2, "n1", rule="node", labels={"node": "n1"}, is_initial=True)
    world.start_complete(5)
    world.false(100, "n1", rule="node", labels={"node": "n1"})
    world.advance(1000)
    assert world.told == [
        (5, "team-slack", "summary", ("+n1",)),
        (100, "team-slack", "resolved", ("-n1",)),
        (100, "team-slack", "firing", ("+a",)),
    ]


def test_a_notice_about_what_was_there_is_none():
    world = World(level(mode=Mode.NOTICE), is_first_start=True)
    world.true(1, is_initial=True)
    world.start_complete(5)
    world.true(6)
    world.advance(1000)
    assert world.brief == ["notice@6"]


def test_a_first_start_that_was_cut_short_still_makes_its_summary():
    world = World(level(), is_first_start=True)
    world.true(1, "a", is_initial=True)
    world.restart(2)
    world.true(3, "a", since=1, is_initial=True)
    world.thaw(4, "a", is_listed=True)
    world.start_complete(5)
    world.restart(10)
    world.start_complete(12)
    world.advance(1000)
    assert world.brief == ["summary@5"]


def test_T05_what_began_meanwhile_is_told_once_and_marked_late():
    world = World(level())
    world.restart(100, down_for=100)
    world.true(201, since=150, is_initial=True)
    world.thaw(202, "a", is_listed=True)
    world.start_complete(202)
    world.advance(1000)
    assert world.brief == ["firing@201"]
    assert world.notifications[0].content.is_late
    assert world.notifications[0].content.starts_at == at(150)


def test_T05_what_was_open_stays_the_same_incident():
    world = World(level())
    world.true(0)
    world.restart(100, down_for=100)
    world.true(201, since=0, is_initial=True)
    world.thaw(202, "a", is_listed=True)
    world.start_complete(202)
    world.false(300)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@300"]
    assert world.notifications[0].incident == world.notifications[1].incident


def test_what_ended_meanwhile_is_resolved():
    world = World(level(resolve_hold=seconds(120)))
    world.true(0, "a")
    world.true(0, "b")
    world.restart(100, down_for=1000)
    world.false(1101, "a", since=500, is_initial=True)
    world.thaw(1102, "a", is_listed=True)
    world.start_complete(1102)
    world.advance(2000)
    assert world.told[2:] == [(1102, "team-slack", "resolved", ("-a",)), (1102, "team-slack", "resolved", ("-b",))]
    assert world.notifications[2].content.alerts[0].ends_at == at(500)


def test_T06_five_restarts_with_twenty_open_alerts_add_no_message():
    world = World(event(), level("broken"), root=route(group_by=("rule", "name")))
    for number in range(10):
        world.occur(0, f"p{number}", rule="backoff")
        world.true(0, f"p{number}", rule="broken")
    world.advance(0)
    assert len(world.notifications) == 20
    names = [f"p{number}" for number in range(10)]
    for start in (100, 200, 300, 400, 500):
        world.restart(start, down_for=30)
        for name in names:
            world.true(start + 31, name, rule="broken", since=0, is_initial=True)
        world.thaw(start + 32, *names, is_listed=True)
        world.start_complete(start + 33)
    world.advance(10_000)
    assert len(world.notifications) == 20


def test_expiry_waits_until_every_source_was_heard():
    world = World(event(expire_after=seconds(3600)))
    world.occur(0)
    world.restart(100, down_for=10_000)
    world.advance(10_200)
    world.occur(10_200)
    world.start_complete(10_300)
    world.advance(13_799)
    assert world.brief == ["firing@0"]
    world.advance(13_800)
    assert world.brief == ["firing@0", "expired@13800"]


def test_a_message_that_was_due_meanwhile_is_told_when_it_is_known_to_go_on():
    world = World(level(), root=route(group_wait=seconds(15)))
    world.true(0)
    world.restart(10, down_for=100)
    world.advance(112)
    assert world.brief == []
    world.thaw(112, "a", is_listed=True)
    world.start_complete(113)
    world.advance(200)
    assert world.brief == ["firing@113"]


def test_what_was_due_meanwhile_and_is_over_says_nothing_and_stops_nothing():
    world = World(level(), root=route(group_wait=seconds(15)))
    world.true(0)
    world.restart(10, down_for=100)
    world.advance(112)
    world.gone(112)
    world.start_complete(113)
    world.advance(200)
    assert world.brief == []
