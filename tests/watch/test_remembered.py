"""What changed while kwatch was away, and what has to be stored for that."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from kwatch.model.conditions import Path
from kwatch.model.decisions import Row, Table
from kwatch.model.objects import ObjectRef
from kwatch.model.observations import Change, ObjectChange, ObjectState
from kwatch.redaction import redact_shapes
from kwatch.watch.remembered import Asked, Remembered

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW = START + timedelta(hours=1)
REPLICAS: Path = ("spec", "replicas")
IMAGE: Path = ("spec", "image")
WEB = ObjectRef("Deployment", "web", "shop", "apps", "u-1")


def asked_for(kinds: Mapping[tuple[str, str], frozenset[Path]]) -> Asked:
    """Ask for values of some kinds, for the lives of Pods, and for states of Nodes."""
    return Asked(
        paths=lambda kind, group: kinds.get((kind, group), frozenset()),
        life=lambda kind, _: kind == "Pod",
        states=lambda kind, _: kind == "Node",
    )


def remembered(*paths: Path) -> Remembered:
    kinds = {("Deployment", "apps"): frozenset(paths or (REPLICAS,))}
    return Remembered(asked_for(kinds), redact_shapes, covered_until=START)


def change(kind: Change, replicas: int | None = 3, *, ref: ObjectRef = WEB, image: str = "") -> ObjectChange:
    values = {REPLICAS: (replicas,)} if replicas is not None else {}
    if image:
        values[IMAGE] = (image,)  # type: ignore[assignment]
    return ObjectChange(kind, ObjectState(ref=ref, resource_version="7", values=values), None, NOW)


def after_a_restart(*changes: ObjectChange, paths: tuple[Path, ...] = ()) -> Remembered:
    """Return what a new process knows, from the rows of an earlier one."""
    before, after = remembered(), remembered(*paths)
    rows = [before.note(each) for each in changes]
    after.load(row for row in rows if row is not None)
    return after


def test_a_listed_object_with_another_value_has_been_updated() -> None:
    (completed,) = after_a_restart(change(Change.CREATED, 3)).complete(change(Change.EXISTING, 5), None)
    assert (completed.change, completed.received_at) == (Change.UPDATED, START)
    assert completed.state.values == {REPLICAS: (5,)}
    assert completed.before is not None
    assert completed.before.values == {REPLICAS: (3,)}


def test_a_value_that_was_taken_away_is_another_value() -> None:
    (completed,) = after_a_restart(change(Change.CREATED, 3)).complete(change(Change.EXISTING, None), None)
    assert completed.change is Change.UPDATED


def test_the_same_value_is_no_change() -> None:
    listed = change(Change.EXISTING, 3)
    assert after_a_restart(change(Change.CREATED, 3)).complete(listed, START) == (listed,)


def test_a_value_that_was_not_asked_for_before_is_no_change() -> None:
    listed = change(Change.EXISTING, 3, image="web:2")
    assert after_a_restart(change(Change.CREATED, 3), paths=(REPLICAS, IMAGE)).complete(listed, START) == (listed,)


def test_another_object_of_the_same_name_is_no_update() -> None:
    listed = change(Change.EXISTING, 5, ref=msgspec.structs.replace(WEB, uid="u-2"))
    assert after_a_restart(change(Change.CREATED, 3)).complete(listed, START) == (listed,)


def test_what_a_watch_tells_is_left_as_it_is() -> None:
    told = change(Change.UPDATED, 5)
    assert after_a_restart(change(Change.CREATED, 3)).complete(told, START) == (told,)


def test_only_a_new_value_is_stored() -> None:
    kept = remembered()
    rows = [kept.note(change(Change.UPDATED, replicas)) for replicas in (3, 3, 5, 5, 3)]
    assert [row is not None for row in rows] == [True, False, True, False, True]
    assert rows[0] is not None
    assert (rows[0].table, rows[0].key) == (Table.SEEN, "apps/Deployment/shop/web")


def test_a_kind_that_nobody_asks_about_is_not_kept() -> None:
    assert remembered().note(change(Change.CREATED, ref=ObjectRef("Secret", "web", "shop", "", "u-3"))) is None


def test_a_deleted_object_is_forgotten_once() -> None:
    kept = remembered()
    kept.note(change(Change.CREATED))
    gone = Row(Table.SEEN, "apps/Deployment/shop/web", None)
    assert [kept.note(change(Change.DELETED)) for _ in range(2)] == [gone, None]


def test_what_a_complete_list_does_not_show_is_gone_in_its_namespace() -> None:
    kept = remembered()
    others = [ObjectRef("Deployment", name, ns, "apps", uid) for name, ns, uid in (("b", "shop", "2"), ("c", "x", "3"))]
    for ref in (WEB, *others):
        kept.note(change(Change.CREATED, ref=ref))
    gone = kept.gone("Deployment", "apps", "shop", {"u-1"}, NOW)
    assert [(each.change, each.state.ref, each.received_at, each.listed_at) for each in gone] == [
        (Change.DELETED, others[0], START, NOW)
    ]
    assert kept.forget(others[0]) == Row(Table.SEEN, "apps/Deployment/shop/b", None)
    assert kept.gone("Deployment", "", "", (), NOW) == ()
    assert [each.state.ref.name for each in kept.gone("Deployment", "apps", "", {"u-1"}, NOW)] == ["c"]


def test_the_labels_of_what_may_be_gone_hold_no_secret() -> None:
    ref = ObjectRef("Pod", "web-1", "shop", "", "u-3")
    state = ObjectState(ref=ref, resource_version="7", labels={"app": "web", "token": "AKIAIOSFODNN7EXAMPLE"})
    row = remembered().note(ObjectChange(Change.CREATED, state, None, NOW))
    assert row is not None
    assert row.body is not None
    assert b"web" in row.body
    assert b"AKIA" not in row.body


def test_kinds_of_which_nothing_is_asked_any_more_are_forgotten() -> None:
    kept = [WEB, ObjectRef("Pod", "web-1", "shop", "", "u-3"), ObjectRef("Node", "n1", "", "", "u-4")]
    before, after = remembered(), Remembered(asked_for({}), redact_shapes, covered_until=START)
    rows = [before.note(change(Change.CREATED, ref=ref), ("failed",)) for ref in kept]
    after.load(row for row in rows if row is not None)
    assert after.forget_unasked() == (Row(Table.SEEN, "apps/Deployment/shop/web", None),)
    assert [after.knows(ref) for ref in kept] == [False, True, True]


def test_what_is_in_a_namespace_is_forgotten_with_it() -> None:
    kept, other = remembered(), ObjectRef("Deployment", "web", "shop-2", "apps", "u-5")
    for ref in (WEB, other):
        kept.note(change(Change.CREATED, ref=ref))
    assert kept.forget_inside("shop") == (Row(Table.SEEN, "apps/Deployment/shop/web", None),)
    assert [kept.knows(ref) for ref in (WEB, other)] == [False, True]
