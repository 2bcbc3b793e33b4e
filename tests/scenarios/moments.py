"""What a moment has to do with silences, for the machine of `worlds`: a notice that waits is not told in one.

The model is the names of the Pods that somebody is silent about, of which kwatch says that they are.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kwatch.model.notifications import DeliveryState, NotificationKind
from kwatch.testing import manifests
from kwatch.testing.stage import Stage

PODS = ("a", "b", "c")
NAMES = st.sampled_from(PODS)
#: Notifications that are decided in one step, at most.
MANY = 50


class Moments(RuleBasedStateMachine):
    """Silences, and Events that are told as notices."""

    stage: Stage
    advance: Callable[[float], None]

    def __init__(self) -> None:
        super().__init__()
        self.silences: dict[str, str] = {}  # the id of each, and the Pod that it names
        self.moments: Counter[str] = Counter()
        self.silent: set[str] = set()  # the silences that were in force when the last step began
        self.told_notices: set[str] = set()

    @rule(name=NAMES, is_silenced=st.booleans())
    def notice(self, name: str, is_silenced: bool) -> None:
        """Something happens that is told as a moment, unless it is silenced while it waits."""
        self.moments[name] += 1
        times = {"first": self.stage.second(0), "last": self.stage.second(self.stage.now())}
        words = {"reason": "Evicted", "message": "Evicted", "count": self.moments[name]}
        self.stage.cluster.apply(manifests.core_event(f"{name}.2", f"Pod/shop/{name}", **words, **times))
        self.advance(0.5)
        if is_silenced:
            self.silence(name)

    @rule(name=NAMES)
    def silence(self, name: str) -> None:
        answer = self.ask(self.stage.request("POST", "/api/v1/silences", self.silence_of(name)))
        self.silences[answer.json()["silence"]["id"]] = name

    @rule()
    def end_silences(self) -> None:
        for silence in self.silences:
            self.ask(self.stage.request("DELETE", f"/api/v1/silences/{silence}"))
        self.silences.clear()

    @invariant()
    def i1_what_is_silenced_is_not_noticed(self) -> None:
        """S-77: none of the notices that were decided in a step is about what was silenced all the while."""
        app = self.stage.app
        if app is None:
            return
        before, self.silent = self.silent, {each.id for each in app.engine.insight.silences()}
        names = {name for silence, name in self.silences.items() if silence in before & self.silent}
        rows = self.ask(app.state.newest(list(DeliveryState), MANY))
        notices = [row.notification for row in rows if row.notification.kind is NotificationKind.NOTICE]
        new = [notice for notice in notices if notice.id not in self.told_notices]
        self.told_notices |= {notice.id for notice in new}
        told = {alert.labels["name"] for notice in new for alert in notice.content.alerts}
        assert not told & names, f"S-77: {told & names} is silenced, and noticed"

    def silence_of(self, name: str) -> dict[str, Any]:
        return {"match": {"name": name}, "for": "1h"}

    def ask(self, question: Awaitable[Any]) -> Any:
        asking = self.stage.loop.create_task(question)
        self.advance(0.01)
        return asking.result()
