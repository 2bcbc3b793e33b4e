"""The table of annotated objects: the nearest wins, nothing grows without bounds. P12."""

from datetime import UTC, datetime, timedelta

from kwatch.alerts import annotated
from kwatch.alerts.annotated import Annotations
from kwatch.alerts.ledger import Ledger
from kwatch.alerts.records import Annotated
from kwatch.alerts.timers import Phase, Timers
from kwatch.model.objects import ObjectRef
from kwatch.model.rules import Rule, Severity, Subject
from kwatch.model.self_service import SelfService, Watching

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALLOWED = SelfService(receivers=frozenset({"web", "ops"}), severities=frozenset(Severity), watch=Watching.OPT_IN)
POD = ObjectRef("Pod", "web-1", "shop", "", "p")
DEPLOYMENT = ObjectRef("Deployment", "web", "shop", "apps", "d")
SHOP = ObjectRef("Namespace", "shop", "", "", "n")
LABELS = {"namespace": "shop", "kind": "Pod", "name": "web-1", "workload": "Deployment/web"}
RULE = Rule(name="r", id="r", on=Subject.RESOURCE, annotations={"summary": "{{ name }}"})
MUTE = {"kwatch/mute-until": "2026-03-01T18:00:00Z"}


def table(allowed: SelfService | None = ALLOWED) -> tuple[Annotations, Timers, Ledger]:
    timers, ledger = Timers(), Ledger()
    return Annotations(allowed, timers, ledger), timers, ledger


def test_the_nearest_that_says_something_counts() -> None:
    annotations, _, _ = table()
    annotations.hear(SHOP, {"kwatch/receiver": "ops", "kwatch/severity": "info", "kwatch/runbook": "https://a.b"}, NOW)
    annotations.hear(DEPLOYMENT, {"kwatch/receiver": "web", "kwatch/severity": "huge"}, NOW)
    annotations.hear(POD, {"kwatch/severity": "critical"}, NOW)
    assert annotations.receiver_of(LABELS) == "web"
    assert annotations.severity_of(RULE, LABELS) is Severity.CRITICAL
    assert annotations.texts_of(RULE, LABELS) == {"runbook": "https://a.b", "summary": "{{ name }}"}
    assert annotations.receiver_of({**LABELS, "name": "other", "workload": "Pod/other"}) == "ops"
    assert annotations.receiver_of({**LABELS, "namespace": "other"}) == ""


def test_a_mute_counts_wherever_one_lasts_and_the_longest_is_named() -> None:
    annotations, timers, _ = table()
    annotations.hear(SHOP, {**MUTE, "kwatch/mute-reason": "moving"}, NOW)
    annotations.hear(DEPLOYMENT, {"kwatch/mute-until": "2026-03-01T13:00:00Z"}, NOW)
    mute = annotations.mute_of(LABELS, NOW + timedelta(hours=2))
    assert mute is not None
    assert mute.title == "muted until 2026-03-01 18:00 UTC by an annotation of Namespace/shop: moving"
    assert annotations.mute_of(LABELS, NOW + timedelta(hours=6)) is None
    assert timers.pop(NOW + timedelta(days=1), inclusive=True) == (Phase.EDGE, "annotated/Deployment/shop/web")
    assert timers.pop(NOW + timedelta(days=1), inclusive=True) == (Phase.EDGE, "annotated/Namespace/shop")


def test_what_is_heard_again_is_no_news_and_what_is_ignored_is_said_once() -> None:
    annotations, _, ledger = table()
    wrong = {"kwatch/watch": "maybe"}
    assert [each.reason for each in annotations.hear(POD, wrong, NOW) or ()] == ["unreadable"]
    assert ledger.dirty_groups == {"annotated/Pod/shop/web-1": None}
    ledger.clear()
    assert annotations.hear(POD, {**wrong, "other": "x"}, NOW) is None
    assert annotations.hear(POD, {**wrong, "kwatch/severity": "info"}, NOW) == ()
    assert annotations.hear(POD, {}, NOW) == ()
    assert annotations.hear(POD, {}, NOW) is None
    assert annotations.row("annotated/Pod/shop/web-1") is None


def test_an_object_of_another_group_with_that_name_takes_nothing_away() -> None:
    annotations, _, _ = table()
    annotations.hear(DEPLOYMENT, {"kwatch/receiver": "web"}, NOW)
    assert annotations.hear(ObjectRef("Deployment", "web", "shop", "other.example", "o"), {}, NOW) is None
    assert annotations.receiver_of(LABELS) == "web"


def test_what_a_list_does_not_show_is_forgotten() -> None:
    annotations, _, _ = table()
    for ref in (POD, DEPLOYMENT, ObjectRef("Deployment", "web", "other", "apps", "d2")):
        annotations.hear(ref, MUTE, NOW)
    assert annotations.keep_only("Deployment", "apps", "shop", {"x"}, NOW) == [("shop", "Deployment/web")]
    assert annotations.keep_only("Deployment", "apps", "", {"d2"}, NOW) == []
    assert annotations.mute_of(LABELS, NOW) is not None
    assert annotations.keep_only("Pod", "", "", set(), NOW) == [("shop", "Pod/web-1")]
    assert annotations.mute_of(LABELS, NOW) is None


def test_what_was_kept_is_read_by_what_is_allowed_now() -> None:
    kept = Annotated(ref=SHOP, annotations={**MUTE, "kwatch/receiver": "ops"}, heard_at=NOW)
    annotations, _, _ = table(SelfService(longest_mute=timedelta(hours=5), receivers=frozenset({"ops"})))
    annotations.load([kept])
    assert annotations.mute_of(LABELS, NOW + timedelta(hours=3)) is None
    assert annotations.receiver_of(LABELS) == "ops"


def test_where_nothing_is_allowed_any_more_nothing_is_kept() -> None:
    annotations, _, ledger = table(None)
    annotations.load([Annotated(ref=SHOP, annotations=MUTE, heard_at=NOW)])
    assert annotations.mute_of(LABELS, NOW) is None
    assert annotations.row("annotated/Namespace/shop") is None
    assert ledger.dirty_groups == {"annotated/Namespace/shop": None}


def test_only_so_many_objects_are_kept() -> None:
    annotations, _, _ = table()
    for number in range(annotated.MOST):
        annotations.hear(ObjectRef("Pod", f"p{number}", "shop", "", str(number)), {"kwatch/watch": "true"}, NOW)
    assert [each.reason for each in annotations.hear(SHOP, MUTE, NOW) or ()] == ["too_many"]
    assert annotations.mute_of(LABELS, NOW) is None
    assert annotations.hear(ObjectRef("Pod", "p0", "shop", "", "0"), {}, NOW) == ()
    assert annotations.hear(SHOP, MUTE, NOW) == ()
    assert annotations.mute_of(LABELS, NOW) is not None


def test_who_opts_in() -> None:
    annotations, _, _ = table()
    here = annotated.places_of(LABELS)
    assert annotations.opts_out(here)
    assert not annotations.opts_out(annotated.places_of({"kind": "Node", "name": "n1"}))
    annotations.hear(SHOP, {"kwatch/watch": "true"}, NOW)
    assert not annotations.opts_out(here)
    annotations.hear(DEPLOYMENT, {"kwatch/watch": "false"}, NOW)
    assert annotations.opts_out(here)


def test_other_permissions_count_for_what_is_known_and_none_for_nothing() -> None:
    annotations, timers, ledger = table()
    annotations.hear(SHOP, {**MUTE, "kwatch/receiver": "ops"}, NOW)
    assert annotations.use(ALLOWED, NOW) == []
    assert annotations.use(SelfService(longest_mute=timedelta(hours=1)), NOW) == [("", "Namespace/shop")]
    assert (annotations.mute_of(LABELS, NOW), annotations.receiver_of(LABELS)) == (None, "")
    assert timers.earliest() is None
    assert annotations.use(None, NOW) == [("", "Namespace/shop")]
    assert annotations.row("annotated/Namespace/shop") is None
    assert ledger.dirty_groups == {"annotated/Namespace/shop": None}
