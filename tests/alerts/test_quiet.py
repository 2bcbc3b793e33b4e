"""When the silence of a member's emitters is long enough."""

from datetime import datetime, timedelta

from kwatch.alerts import quiet
from kwatch.alerts.records import Alert, Member
from kwatch.model.findings import Emission, Truth
from kwatch.model.objects import ObjectRef
from tests.alerts.blank import blank_alert
from tests.alerts.world import World, at, event, level

RULE = event(quiet=timedelta(minutes=2))
BUCKET = ("kubelet", "node-1", "uid-a")


def member(*emissions: Emission) -> Member:
    ref = ObjectRef("Pod", "a", "shop", "", "uid-a")
    made = Member(ref=ref, truth=Truth.TRUE, since_at=at(0), seen_at=at(0), is_observed=False)
    for emission in emissions:
        quiet.note(made, emission, RULE)
    return made


def emission(second: float, name: str = "kubelet/node-1", **words: object) -> Emission:
    given = {"bucket": BUCKET, "namespace": "shop", "told_at": at(second), "observable_at": at(second)}
    return Emission(**{"emitter": name, "over_at": at(second), **given, **words})


def ends(made: Member) -> datetime | None:
    return quiet.member_quiet_at(made, RULE)


def test_silence_counts_from_the_last_word_while_the_emitter_could_speak() -> None:
    assert ends(member(emission(0), emission(100))) == at(220)
    assert ends(member(emission(0, observable_at=at(300)))) == at(420)
    assert ends(member(emission(0, over_at=at(390)))) == at(390)
    assert ends(member(emission(0, least=timedelta(minutes=10)))) == at(600)


def test_every_emitter_must_be_silent() -> None:
    assert ends(member(emission(0), emission(50, "scheduler", bucket=None))) == at(170)
    assert ends(member(emission(0), emission(50, "scheduler", observable_at=None))) is None


def test_a_write_of_something_else_puts_it_off_only_for_its_bucket_and_never_back() -> None:
    made = member(emission(0), emission(0, "scheduler", bucket=None))
    quiet.put_off(made, ("kubelet", "node-2", "uid-a"), at(900))
    assert ends(made) == at(120)
    quiet.put_off(made, BUCKET, at(500))
    quiet.put_off(made, BUCKET, at(400))
    assert ends(made) == at(620)


def test_a_broken_watch_concerns_its_namespace() -> None:
    made = member(emission(0), emission(0, "web-1.a", bucket=None, namespace="bank"))
    assert not quiet.freeze(made, "else")
    assert quiet.freeze(made, "shop")
    assert ends(made) is None
    assert quiet.thaw(made, "shop", now=at(50), observable_at=at(410))
    assert ends(made) == at(530)
    assert quiet.freeze(made, "")
    quiet.thaw(made, "", now=at(600), observable_at=at(700))
    assert made.emissions["web-1.a"].observable_at == at(600)
    assert ends(made) == at(820)


def test_what_is_sooner_than_was_thought_is_said() -> None:
    made = member(emission(0, over_at=at(2160)))
    assert not quiet.note(made, emission(10, over_at=at(2170)), RULE)
    assert quiet.note(made, emission(540, over_at=at(930)), RULE)
    assert quiet.note(member(emission(0, observable_at=None)), emission(10), RULE)


def test_Events_that_have_been_quiet_make_room() -> None:
    made = member(*(emission(second, f"a.{second}", bucket=None) for second in range(8)))
    quiet.note(made, emission(122, "a.122", bucket=None), RULE)
    assert list(made.emissions) == ["a.3", "a.4", "a.5", "a.6", "a.7", "a.122"]
    assert ends(made) == at(242)


def test_with_more_emitters_than_can_be_kept_apart_its_end_is_not_seen() -> None:
    made = member(*(emission(0, f"controller-{number}/") for number in range(9)))
    assert len(made.emissions) == 9
    assert ends(made) == quiet.NEVER
    quiet.note(made, emission(5, "controller-9/"), RULE)
    assert len(made.emissions) == 9


def test_one_emitter_more_than_can_be_kept_apart_is_kept_as_others() -> None:
    made = member(*(emission(0, f"controller-{number}/") for number in range(9)))
    others = made.emissions["others"]
    assert (others.bucket, others.over_at) == (None, quiet.NEVER)
    quiet.note(made, emission(5, "controller-0/"), RULE)
    assert made.emissions["controller-0/"].told_at == at(5)


def test_what_is_told_as_late_as_before_is_no_sooner_end() -> None:
    made = member(emission(0, over_at=at(500)))
    assert not quiet.note(made, emission(10, over_at=at(500)), RULE)


def alert(*members: Member, is_out_of_sight: bool = False) -> Alert:
    made = blank_alert(at(0), *members)
    made.is_out_of_sight = is_out_of_sight
    return made


def right(second: float) -> Member:
    made = member(emission(second))
    made.truth = Truth.FALSE
    return made


def test_an_alert_is_quiet_when_every_member_that_is_wrong_is() -> None:
    assert quiet.quiet_at(alert(member(emission(0)), member(emission(50)), right(300)), RULE) == at(170)
    assert quiet.quiet_at(alert(member(emission(50)), member(emission(0))), RULE) == at(170)
    assert quiet.quiet_at(alert(member(emission(0)), member(emission(0, observable_at=None))), RULE) is None
    assert quiet.quiet_at(alert(member(emission(0)), is_out_of_sight=True), RULE) is None
    assert quiet.quiet_at(alert(member(emission(0))), level()) is None


def test_an_alert_is_throttled_while_an_emitter_of_what_is_wrong_keeps_something_to_itself() -> None:
    throttled = alert(member(emission(0)), member(emission(0, observable_at=at(360))), right(900))
    assert quiet.is_throttled(throttled, RULE, at(359))
    assert not quiet.is_throttled(throttled, RULE, at(360))
    assert quiet.is_throttled(alert(member(emission(0, over_at=at(2160)))), RULE, at(2159))
    assert not quiet.is_throttled(alert(member(emission(0, observable_at=None, over_at=at(99)))), RULE, at(1))
    assert not quiet.is_throttled(throttled, level(), at(1))
    later = right(0)
    later.emissions["kubelet/node-1"] = emission(0, observable_at=at(360))
    assert not quiet.is_throttled(alert(later), RULE, at(1))


def occur(world: World, second: float, bucket: tuple[str, str, str]) -> None:
    world.occur(second, emission=emission(second, bucket=bucket))


def test_an_emitter_that_names_the_object_otherwise_is_heeded_under_its_new_bucket_alone() -> None:
    world = World(RULE)
    occur(world, 0, ("kubelet", "node-1", "a"))
    occur(world, 1, BUCKET)
    assert BUCKET in world.engine.heeded
    assert ("kubelet", "node-1", "a") not in world.engine.heeded
    world.advance(121)
    assert world.brief == ["firing@0", "resolved@121"]
    assert BUCKET not in world.engine.heeded


def test_a_write_of_another_reason_puts_the_end_of_an_open_alert_off() -> None:
    world = World(RULE)
    occur(world, 0, BUCKET)
    world.advance(100)
    world.engine.wrote(BUCKET, at(460), at(100))
    world.advance(1000)
    assert world.brief == ["firing@0", "resolved@580"]


def test_a_restart_hears_nothing_until_the_watch_is_in_sync() -> None:
    world = World(RULE)
    occur(world, 0, BUCKET)
    world.restart(10, down_for=90)
    world.start_complete(101)
    world.advance(500)
    world.engine.wrote(BUCKET, at(900), at(500))
    world.engine.thaw_quiet("", at(860), at(500))
    world.engine.wrote(BUCKET, at(1000), at(600))
    world.advance(2000)
    assert world.brief == ["firing@0", "resolved@1120"]


def test_an_alert_that_let_go_of_a_member_that_was_not_quiet_does_not_end_by_quiet() -> None:
    world = World(RULE)
    for number in range(1001):
        world.occur(
            number / 10,
            f"pod-{number}",
            workload="Job/a",
            emission=emission(number / 10, bucket=("kubelet", "node-1", f"uid-pod-{number}")),
        )
    world.advance(80_000)
    assert world.brief == ["firing@0"]
    world.advance(90_000)
    assert world.brief == ["firing@0", "expired@86500"]


def test_members_that_had_been_quiet_may_go() -> None:
    world = World(RULE)
    for number in range(1001):
        world.occur(number, f"pod-{number}", workload="Job/a", emission=emission(number, bucket=None))
    world.advance(80_000)
    assert world.brief == ["firing@0", "resolved@1120"]


def test_a_clock_that_is_set_takes_all_of_it_along() -> None:
    made = member(emission(0, over_at=at(390)), emission(0, "scheduler", observable_at=at(400), over_at=at(10)))
    quiet.move(made, timedelta(hours=-1))
    assert [(each.told_at, each.observable_at, each.over_at) for each in made.emissions.values()] == [
        (at(-3600), at(-3600), at(-3210)),
        (at(-3600), at(-3200), at(-3590)),
    ]


def test_a_clock_that_is_set_ends_nothing_that_cannot_be_seen_to_end() -> None:
    made = member(emission(0, observable_at=None, over_at=quiet.NEVER))
    quiet.move(made, timedelta(hours=1))
    (moved,) = made.emissions.values()
    assert (moved.told_at, moved.observable_at, moved.over_at) == (at(3600), None, quiet.NEVER)
