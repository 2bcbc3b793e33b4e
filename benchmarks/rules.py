"""What matching costs: microseconds for each event, with 50 rules.

    python benchmarks/rules.py [--json]

Few hits: no rule speaks of the event. Many hits: eight rules match it, and their findings are built.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kwatch.model.conditions import AllOf, Not, Regex, Text, Word, WordIs
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import About, KubeEvent, ObjectState
from kwatch.model.rules import Rate, Rule, Subject
from kwatch.rules.compile import RuleSet

ROUNDS = 50_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = ("namespace", "workload", "reason")


def rules() -> tuple[Rule, ...]:
    """Return 50 rules: eight of them speak of BackOff, each in its own way."""
    return tuple(_rule(n, "BackOff" if n < 8 else f"Reason{n}") for n in range(50))


def _rule(number: int, reason: str) -> Rule:
    message = (Text("*restarting failed*"), Regex("Back-off .* in pod .*"), Text("Back-off*"))[number % 3]
    match = AllOf(
        (
            WordIs(Word.KIND, (Text("Pod"),)),
            WordIs(Word.REASON, (Text(reason),)),
            WordIs(Word.NAMESPACE, (Text("prod-*"), Text("shop"))),
            WordIs(Word.MESSAGE, (message,)),
            Not(WordIs(Word.NAME, (Text("*-canary"),))),
        )
    )
    return Rule(
        name=f"rule-{number}",
        id=f"rule-{number}",
        on=Subject.EVENT,
        match=match,
        key=KEY,
        rate=Rate(5, timedelta(minutes=10), KEY),
    )


def event(number: int, reason: str) -> KubeEvent:
    """Return the n-th of a stream of events of 200 Pods in 20 workloads."""
    pod = ObjectRef("Pod", f"web-{number % 20}-{number % 200}", "shop", uid=f"uid-{number % 200}")
    return KubeEvent(
        ref=ObjectRef("Event", f"{pod.name}.{number}", "shop"),
        regarding=pod,
        type="Warning",
        reason=reason,
        message=f"Back-off restarting failed container main in pod {pod.name}_shop({pod.uid})",
        is_combined=False,
        component="kubelet",
        host="node-1",
        count=number,
        is_series=False,
        first_at=NOW,
        last_at=NOW,
        resource_version=str(number),
    )


def decide(rules_: RuleSet, reason: str) -> Callable[[], int]:
    """Return one pass over the stream, as the pipeline does it; its result is the number of findings."""
    events = [event(number, reason) for number in range(2000)]
    known = {e.regarding.uid: About(ObjectState(e.regarding, "1"), "Deployment/web") for e in events}

    def run() -> int:
        found = 0
        for each in events:
            ref = each.regarding
            candidates = rules_.event_candidates(ref.kind, ref.group, ref.namespace, each.type, each.reason)
            if candidates:
                about = known[ref.uid] if rules_.needs_object(candidates) else None
                found += len(rules_.event_findings(each, about, candidates, NOW))
        return found

    return run


def microseconds(run: Callable[[], int]) -> float:
    """Return the best time for one event out of as many passes as make up the rounds."""
    best = float("inf")
    for _ in range(ROUNDS // 2000):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best / 2000 * 1e6


def main() -> None:
    compiled = RuleSet(rules(), cluster="bench", label_names=("team",))
    few, many = decide(compiled, "Pulled"), decide(compiled, "BackOff")
    figures = {
        "few_hits_us": round(microseconds(few), 3),
        "many_hits_us": round(microseconds(many), 3),
        "findings_per_hit": many() // 2000,
    }
    if "--json" in sys.argv[1:]:
        print(json.dumps(figures))
        return
    print(f"{'50 rules':<24}{'us/event':>10}")
    print(f"{'few hits':<24}{figures['few_hits_us']:>10}")
    print(f"{'many hits':<24}{figures['many_hits_us']:>10}  ({figures['findings_per_hit']} findings each)")


if __name__ == "__main__":
    main()
