"""Notices beyond what a message, or memory, is for: each has its fate, and what is left out is counted (S-63)."""

from kwatch.model.rules import Mode
from tests.alerts.world import World, event, route, seconds


def test_S63_of_too_many_for_one_message_the_number_is_told():
    world = World(event(mode=Mode.NOTICE), root=route(group_wait=seconds(60), group_by=("namespace",)))
    for number in range(1_002):
        world.occur(1, f"p{number}")
    assert world.counters == {"opened": 1_002, "led_to_notification": 2}
    world.advance(61)
    [told] = [notification.content for notification in world.notifications]
    assert (told.alert_count, told.notices_dropped) == (1_000, 2)
    assert world.counters == {"opened": 1_002, "led_to_notification": 1_002}


def test_of_too_many_that_wait_the_longest_go_out_at_once():
    world = World(event(mode=Mode.NOTICE), root=route(group_wait=seconds(60), group_by=("name",)))
    for number in range(20_001):
        world.occur(number / 1_000_000, f"p{number}")
    told = [
        notification.content.alerts[0].labels["name"]
        for notification in world.notifications
        if not notification.content.text
    ]
    assert told == ["p0"]
    assert world.counters["led_to_notification"] == 1
    assert world.counters["notice_hurried"] == 1
    world.advance(61)
    assert world.counters["led_to_notification"] == world.counters["opened"] == 20_001
