"""When an alert begins and ends (S-31 to S-34, S-37 to S-44, S-51, T01, T07, T17, T18)."""

from datetime import timedelta

from world import World, at, event, level, rate, route, seconds

from kwatch.model.alerts import AlertState, EndReason
from kwatch.model.findings import Truth
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import OnDelete


def test_S31_true_for_less_than_for_says_nothing():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.false(59.9)
    world.advance(1000)
    assert world.brief == []
    assert world.counters["came_and_went"] == 1


def test_S32_fires_exactly_when_for_is_up():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.advance(1000)
    assert world.brief == ["firing@60"]
    assert world.last.starts_at == at(0)


def test_an_observation_comes_before_the_timer_of_its_instant():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.false(60)
    world.advance(1000)
    assert world.brief == []


def test_S33_a_break_begins_for_anew():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.false(40)
    world.true(41)
    world.advance(1000)
    assert world.brief == ["firing@101"]


def test_S34_for_goes_on_over_a_restart():
    world = World(level(for_=seconds(60)))
    world.true(0)
    world.restart(20, down_for=30)
    world.true(51, since=0, is_initial=True)
    world.thaw(52)
    world.start_complete(52)
    world.advance(1000)
    assert world.brief == ["firing@60"]
    assert not world.last.is_late


def test_S37_true_again_within_resolve_hold_goes_on():
    world = World(level(resolve_hold=seconds(120)))
    world.true(-10)
    world.false(0)
    world.true(119)
    world.advance(1000)
    assert world.brief == ["firing@-10"]
    assert [view.episode for view in world.engine.insight.alerts(world.now)] == [1]


def test_S38_resolves_after_resolve_hold_as_of_when_it_became_false():
    world = World(level(resolve_hold=seconds(120)))
    world.true(-10)
    world.false(0)
    world.advance(1000)
    assert world.brief == ["firing@-10", "resolved@120"]
    assert world.last.ends_at == at(0)
    assert world.last.end_reason is EndReason.HEALTHY


def test_S39_a_new_episode_soon_goes_on_in_the_thread():
    world = World(level(reopen_window=seconds(600)))
    world.true(0)
    world.false(100)
    world.true(400)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@100", "firing@400"]
    first, _, second = world.notifications
    assert (world.last.episode, world.last.continues) == (2, 1)
    assert second.incident != first.incident
    assert second.thread_of == first.incident


def test_S39_a_third_episode_stays_in_the_first_thread():
    world = World(level())
    for second in (0, 400, 800):
        world.true(second)
        world.false(second + 100)
    world.advance(2000)
    first, *_, fifth, sixth = world.notifications
    assert fifth.thread_of == sixth.thread_of == first.incident


def test_S40_a_new_episode_later_makes_a_new_thread():
    world = World(level(reopen_window=seconds(600)))
    world.true(0)
    world.false(100)
    world.true(800)
    world.advance(1000)
    assert (world.last.episode, world.last.continues) == (2, None)
    assert world.notifications[-1].thread_of == ""


def test_S41_a_removed_rule_expires_what_it_had_open():
    world = World(level())
    world.true(0)
    world.restart(50, rules=[level("other")])
    world.advance(1000)
    assert world.brief == ["firing@0", "expired@50"]
    assert world.last.end_reason is EndReason.RULE_REMOVED
    assert world.notifications[1].incident == world.notifications[0].incident


def test_S42_a_renamed_rule_without_an_id_starts_anew():
    world = World(level("old"))
    world.true(0)
    world.restart(50, rules=[level("new")])
    world.start_complete(60)
    world.true(60, since=60)
    world.advance(1000)
    assert world.brief == ["firing@0", "expired@50", "firing@60"]


def test_S43_one_pod_of_several_goes():
    world = World(level())
    world.true(0, "a", workload="Deployment/web")
    world.true(0, "b", workload="Deployment/web")
    world.gone(50, "a", workload="Deployment/web")
    world.advance(1000)
    assert world.brief == ["firing@0"]
    assert world.engine.insight.alerts(world.now)[0].members == ("b", "a")


def test_S44_the_last_pod_goes():
    world = World(level(resolve_hold=seconds(120)))
    world.true(0)
    world.gone(50)
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@50"]
    assert world.last.end_reason is EndReason.OBJECT_GONE


def test_S44_a_gone_pod_waits_for_one_that_is_held():
    world = World(level(resolve_hold=seconds(120)))
    world.true(0, "a", workload="Deployment/web")
    world.true(0, "b", workload="Deployment/web")
    world.false(40, "b", workload="Deployment/web")
    world.gone(50, "a", workload="Deployment/web")
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@160"]
    assert world.last.ends_at == at(50)


def test_on_delete_keep_goes_on_until_nobody_has_seen_it_for_long():
    world = World(level(on_delete=OnDelete.KEEP, expire_after=seconds(3600)))
    world.true(0)
    world.gone(50)
    world.advance(10_000)
    assert world.brief == ["firing@0", "expired@3650"]
    assert world.last.end_reason is EndReason.NOT_OBSERVED


def test_S51_other_words_alone_say_nothing_until_the_next_message():
    world = World(event(), root=route(repeat_interval=seconds(600)))
    world.occur(0, message="back-off 10s")
    world.occur(100, n=0, message="back-off 20s")
    world.advance(700)
    assert world.brief == ["firing@0", "repeat@600"]
    assert world.last.message == "back-off 20s"


def test_T01_what_stays_broken_and_silent_is_never_resolved():
    world = World(level(resolve_hold=seconds(120)))
    world.true(0)
    world.advance(86_400)
    assert world.brief == ["firing@0"]
    world.false(86_400)
    world.advance(90_000)
    assert world.brief == ["firing@0", "resolved@86520"]
    world.true(172_800)
    world.advance(180_000)
    assert world.brief == ["firing@0", "resolved@86520", "firing@172800"]


def test_T01_an_object_that_is_seen_to_be_broken_does_not_expire():
    world = World(event(expire_after=seconds(3600)))
    world.occur(0)
    world.evidence(1, truth=Truth.FALSE)
    world.advance(100_000)
    assert world.brief == ["firing@0"]
    world.freeze(100_000)
    world.advance(200_000)
    assert world.brief == ["firing@0", "expired@103600"]


def test_T07_for_needs_no_further_word():
    world = World(level(for_=timedelta(minutes=5)))
    world.true(0)
    world.advance(299)
    assert world.brief == []
    world.advance(300)
    assert world.brief == ["firing@300"]


def test_T17_a_second_failure_of_the_same_object_is_counted():
    world = World(event(rate=rate(2, 60)))
    world.occur(0, message="container one failed")
    world.occur(1, message="container two failed")
    world.occur(2, message="container one failed")
    world.advance(100)
    assert world.brief == ["firing@1"]
    assert world.engine.insight.alerts(world.now)[0].count == 3


def test_T18_the_same_object_in_two_clusters_makes_two_incidents():
    incidents = set()
    for cluster in ("east", "west"):
        world = World(level(), cluster=cluster)
        world.true(0)
        world.advance(0)
        incidents.add(world.notifications[0].incident)
    assert len(incidents) == 2


def test_the_alerts_that_hold_an_object_are_known_by_it():
    world = World(level(), event())
    world.true(0, "a", workload="Deployment/web")
    world.occur(0, "a", rule="backoff")
    ref = ObjectRef(kind="Pod", name="a", namespace="shop", uid="uid-a")
    (named,) = world.engine.open_alerts(ref)["broken"]
    assert named in [view.fingerprint for view in world.engine.insight.alerts(world.now) if view.rule == "broken"]
    assert "other" not in world.engine.open_alerts(ref)
    world.gone(10, "a", rule="broken")
    assert "broken" not in world.engine.open_alerts(ref)


def test_a_node_named_by_its_events_is_the_node_that_is_seen():
    world = World(event())
    world.occur(0, "n1", uid="n1")
    world.evidence(100, "n1", uid="5f0c")
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@100"]


def test_members_are_counted_honestly_and_ten_are_named():
    world = World(level())
    for number in range(30):
        world.true(0, f"p{number:02}", workload="Deployment/web")
    world.false(1, "p00", workload="Deployment/web")
    view = world.engine.insight.alerts(world.now)[0]
    assert view.members == tuple(f"p{number:02}" for number in range(1, 11))
    assert view.member_count == 30


def test_the_ledger_balances():
    world = World(event(rate=rate(2, 60)))
    for second in range(0, 600, 20):
        world.occur(second)
    world.advance(600)
    assert world.counters == {
        "below_threshold": 1,
        "opened": 1,
        "led_to_notification": 1,
        "counted_into_open": 28,
    }


def test_states_of_an_alert_are_told_with_their_reasons():
    world = World(level(for_=seconds(60)))
    world.true(0)
    assert world.engine.insight.alerts(world.now)[0].state is AlertState.PENDING
    world.advance(60)
    assert world.engine.insight.alerts(world.now)[0].state is AlertState.FIRING
