"""What holds in every small world, whatever happens in it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import Inhibition, World, event, labelled, level, rate, route, seconds

from kwatch.model.alerts import AlertState
from kwatch.model.conditions import AllOf
from kwatch.model.findings import Truth
from kwatch.model.notifications import NotificationKind
from kwatch.model.planned import PlannedKind, PlannedStep, Progress, subject
from kwatch.model.routes import Destination
from kwatch.model.rules import Mode, Rate, Severity, Then

RULES = (
    level("now"),
    level("held", for_=seconds(30), resolve_hold=seconds(20), severity=Severity.CRITICAL),
    event("often", rate=rate(2, 60), resolve_hold=seconds(20), expire_after=seconds(600)),
    event("several", rate=Rate(2, seconds(60), ("namespace",), "name"), expire_after=seconds(600)),
    event("after", then=Then(AllOf(()), seconds(60)), expire_after=seconds(600)),
    event("missing", absent_for=seconds(300), expire_after=seconds(600)),
    event("moment", mode=Mode.NOTICE, dedup_window=seconds(45)),
)
DESTINATIONS = (
    Destination(name="chat", receiver="team", type="slack"),
    Destination(name="pager", receiver="team", type="webhook", severity=Severity.CRITICAL, send_resolved=False),
)
INHIBITION = Inhibition(when=labelled(rule="held"), mute=labelled(rule="now"), equal=("namespace", "name"))
NAMES = st.sampled_from(("a", "b"))
LEVELS = st.sampled_from(("now", "held"))
OF_EVENTS = st.sampled_from(("often", "several", "missing", "moment"))


def pod(name: str) -> str:
    """Name a Pod as planned changes do."""
    return subject("shop", f"Pod/{name}")


class SmallWorlds(RuleBasedStateMachine):
    """Two objects, seven rules, two destinations; everything that a cluster may do to them, and restarts."""

    @initialize(
        wait=st.sampled_from((0, 15)),
        together=st.booleans(),
        repeat=st.sampled_from((0, 300)),
        present=st.none() | st.sets(st.tuples(LEVELS, NAMES)),
    )
    def begin(self, wait: int, together: bool, repeat: int, present: set[tuple[str, str]] | None) -> None:
        """Start; for the first time where something (or nothing) is said to be already there."""
        root = route(
            group_by=("namespace",) if together else ("namespace", "workload"),
            group_wait=seconds(wait),
            repeat_interval=seconds(repeat),
        )
        is_first_start = present is not None
        self.world = World(
            *RULES, root=root, destinations=DESTINATIONS, inhibitions=[INHIBITION], is_first_start=is_first_start
        )
        self.second = 0.0
        self.world.thaw(-50, kind="Event")
        self.until: dict[tuple[str, str], float | None] = {}  # when what is wrong is not expected any more
        self.truth: dict[tuple[str, str], Truth] = dict.fromkeys(sorted(present or ()), Truth.TRUE)
        for of, name in self.truth:
            self.world.true(self.second, name, since=-1000, rule=of, is_initial=True)
        if is_first_start:
            self.world.start_complete(self.second)

    @rule(name=NAMES, of=LEVELS, truth=st.sampled_from(Truth), ends_in=st.none() | st.sampled_from((10, 600)))
    def observe(self, name: str, of: str, truth: Truth, ends_in: int | None) -> None:
        self.until[of, name] = None if ends_in is None else self.second + ends_in
        self.world.state(self.second, name, truth=truth, rule=of, expected_until=self.until[of, name])
        self.truth[of, name] = truth

    @rule(
        name=NAMES,
        of=st.sampled_from(("often", "several", "missing", "moment")),
        n=st.integers(0, 3),
        ago=st.sampled_from((0, 5, 100)),
    )
    def occur(self, name: str, of: str, n: int, ago: int) -> None:
        self.world.occur(self.second - ago, name, n, t0=self.second - 2 * ago, received=self.second, rule=of)

    @rule(name=NAMES, ago=st.sampled_from((0, 5, 100)), is_first=st.booleans(), is_second=st.booleans())
    def follow(self, name: str, ago: int, is_first: bool, is_second: bool) -> None:
        self.world.occur(
            self.second - ago, name, received=self.second, rule="after", is_first=is_first, is_second=is_second
        )

    @rule(name=NAMES, truth=st.sampled_from(Truth))
    def show(self, name: str, truth: Truth) -> None:
        self.world.evidence(self.second, name, truth, rule="often")

    @rule(
        kind=st.sampled_from(PlannedKind),
        name=NAMES,
        also=st.just("") | NAMES.map(pod),
        progress=st.sampled_from(Progress),
        revision=st.sampled_from(("1", "2")),
    )
    def plan(self, kind: PlannedKind, name: str, also: str, progress: Progress, revision: str) -> None:
        step = PlannedStep(kind=kind, subject=pod(name), also=also, progress=progress, revision=revision)
        self.world.plan(self.second, step)

    @rule()
    def hide_nothing_for_ever(self) -> None:
        """Whatever was planned: two hours later what is seen to be wrong is told."""
        self.second += 7200
        self.world.advance(self.second)
        told = {(view.fingerprint, view.episode) for each in self.world.notifications for view in each.content.alerts}
        firing = [view for view in self.world.engine.insight.alerts(self.world.now) if view.state is AlertState.FIRING]
        names = {(view.rule, view.labels["name"]) for view in firing}
        for view in firing:
            name = view.labels["name"]
            is_inhibited = view.rule == "now" and ("held", name) in names
            if self.truth.get((view.rule, name)) is Truth.TRUE and not is_inhibited:
                assert (view.fingerprint, view.episode) in told

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        for of in ("now", "held", "often", "several", "after", "missing"):
            self.world.gone(self.second, name, rule=of)
            self.truth.pop((of, name), None)

    @rule(by=st.sampled_from((0.5, 5, 15, 20, 45, 130, 700, 4000)))
    def advance(self, by: float) -> None:
        self.second += by
        self.world.advance(self.second)

    @rule(by=st.sampled_from((1, 40)))
    def lose_and_find(self, by: float) -> None:
        for kind in ("Pod", "Event"):
            self.world.freeze(self.second, kind)
        self.second += by
        self.find()

    def find(self) -> None:
        """Let every watch be in sync."""
        self.world.thaw(self.second, "a", "b", is_listed=True)
        self.world.thaw(self.second, kind="Event")

    @rule()
    def restart(self) -> None:
        """Nothing changes while it is down, so it adds no message by itself."""
        self.world.advance(self.second)
        before = len(self.world.notifications)
        self.world.restart(self.second)
        for (of, name), truth in self.truth.items():
            until = self.until.get((of, name))
            self.world.state(self.second, name, truth=truth, rule=of, is_initial=True, expected_until=until)
        self.find()
        self.world.start_complete(self.second)
        self.world.advance(self.second)
        assert len(self.world.notifications) == before

    @rule(
        down=st.sampled_from((0, 100)),
        unseen=st.sampled_from((0, 20, 700)),
        changed=st.lists(st.tuples(LEVELS, NAMES, st.none() | st.sampled_from(Truth))),
    )
    def be_away(self, down: int, unseen: int, changed: list[tuple[str, str, Truth | None]]) -> None:
        """Things begin and end while it is down; for a while after its start nobody sees the cluster."""
        self.world.restart(self.second, down_for=down)
        self.second += down + unseen
        self.world.advance(self.second)
        for of, name, truth in changed:
            if truth is None:
                self.world.gone(self.second, name, rule=of)
                self.truth.pop((of, name), None)
            else:
                self.observe(name, of, truth, None)
        self.find()
        self.world.start_complete(self.second)
        self.world.advance(self.second)

    @rule()
    def stand_still(self) -> None:
        """Asked twice at one instant, it says nothing more."""
        self.world.advance(self.second)
        before = len(self.world.notifications)
        self.world.advance(self.second)
        assert len(self.world.notifications) == before
        wake_at = self.world.engine.wake_at()
        assert wake_at is None or wake_at > self.world.now

    @invariant()
    def incidents_begin_once_and_end_once(self) -> None:
        opened: dict[tuple[str, str], str] = {}
        seen: set[str] = set()
        for told in self.world.notifications:
            assert told.id not in seen
            seen.add(told.id)
            lane = told.destination, told.incident.rsplit("/", 1)[0]
            if told.kind is NotificationKind.FIRING:
                assert lane not in opened or told.destination == "pager"  # which is not told of the end
                opened[lane] = told.incident
            elif told.kind not in (NotificationKind.NOTICE, NotificationKind.SUMMARY):
                if told.thread_of.startswith("kw/summary/"):
                    opened.setdefault(lane, told.incident)
                assert opened[lane] == told.incident
                if told.kind.closes:
                    del opened[lane]
            assert not told.kind.closes or told.destination == "chat"

    @invariant()
    def ends_are_told_of_what_was_told(self) -> None:
        told_firing: set[tuple[str, str, int]] = set()
        for told in self.world.notifications:
            for view in told.content.alerts:
                episode = told.destination, view.fingerprint, view.episode
                if view.ends_at is not None:
                    assert episode in told_firing
                    told_firing.remove(episode)
                elif told.kind is not NotificationKind.NOTICE:
                    told_firing.add(episode)

    @invariant()
    def an_alert_never_ends_before_it_begins(self) -> None:
        for told in self.world.notifications:
            for view in told.content.alerts:
                assert view.ends_at is None or view.starts_at <= view.ends_at <= told.created_at
                assert view.member_count >= len(view.members)


SmallWorlds.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestSmallWorlds = SmallWorlds.TestCase
