"""What makes two findings one alert (S-24, S-25)."""

from world import World, level

from kwatch.model.identity import fingerprint


def test_S24_a_missing_key_label_is_an_empty_one():
    assert fingerprint("c", "r", {"namespace": "", "team": ""}) == fingerprint("c", "r", {"team": "", "namespace": ""})


def test_S25_values_are_not_joined():
    assert fingerprint("c", "r", {"a": "a", "b": "bc"}) != fingerprint("c", "r", {"a": "ab", "b": "c"})


def test_two_objects_of_one_key_are_one_alert():
    world = World(level())
    world.true(0, "a", workload="Deployment/web")
    world.true(0, "b", workload="Deployment/web")
    assert len(world.engine.insight.alerts(world.now)) == 1
