"""The store's log: whoever lists, watches, resumes and lists again ends with what is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.testing.fake.store import Change, CompactedError, Key, Object, Store, key_of

KEYS = st.sampled_from([("a", "x"), ("a", "y"), ("b", "x"), ("", "z")])
#: put or remove at a key, compact, let the client read.
ACTS = st.lists(st.tuples(st.sampled_from(["put", "put", "remove", "read", "compact"]), KEYS), min_size=1, max_size=60)


def thing(key: Key) -> Object:
    return {"kind": "Thing", "metadata": {"namespace": key[0], "name": key[1]}}


class Client:
    """Lists once, then follows the log; lists again when the log was compacted."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.list()

    def list(self) -> None:
        self.version = self.store.version
        self.objects = {key_of(body): body for body in self.store.objects("things")}

    def read(self) -> None:
        try:
            entries = self.store.entries("things", self.version)
        except CompactedError:
            self.list()
            return
        for entry in entries:
            self.version = entry.version
            if entry.change is Change.DELETED:
                del self.objects[entry.key]
            else:
                self.objects[entry.key] = entry.object


@given(acts=ACTS)
def test_a_client_that_follows_ends_with_what_is_there(acts: list[tuple[str, Key]]) -> None:
    store = Store(history=8)
    client = Client(store)
    for verb, key in acts:
        if verb == "put":
            store.put("things", thing(key))
        elif verb == "remove" and store.get("things", key):
            store.remove("things", key)
        elif verb == "compact":
            store.compact()
        elif verb == "read":
            client.read()
    client.read()
    assert client.objects == {key_of(body): body for body in store.objects("things")}


@given(acts=ACTS)
def test_a_snapshot_shows_what_was_there(acts: list[tuple[str, Key]]) -> None:
    store = Store()
    seen = {store.version: store.objects("things")}
    for verb, key in acts:
        if verb == "remove" and store.get("things", key):
            store.remove("things", key)
        else:
            store.put("things", thing(key))
        seen[store.version] = store.objects("things")
    assert {version: store.objects_at("things", version) for version in seen} == seen


def test_versions_grow_over_all_resources() -> None:
    store = Store()
    versions = [store.put(resource, thing(("a", "x")))["metadata"]["resourceVersion"] for resource in ("one", "two")]
    assert versions == ["2", "3"]


def test_a_replaced_object_is_modified() -> None:
    store = Store()
    store.put("things", thing(("a", "x")))
    store.put("things", thing(("a", "x")))
    assert [entry.change for entry in store.entries("things", 0)] == [Change.ADDED, Change.MODIFIED]


def test_history_before_a_compaction_is_gone() -> None:
    store = Store()
    store.put("things", thing(("a", "x")))
    store.compact()
    with pytest.raises(CompactedError):
        store.entries("things", 1)


def test_a_compaction_holds_for_what_never_existed() -> None:
    store = Store()
    store.put("things", thing(("a", "x")))
    store.compact()
    with pytest.raises(CompactedError):
        store.entries("others", 1)


def test_the_current_version_survives_a_compaction() -> None:
    store = Store()
    store.put("things", thing(("a", "x")))
    store.compact()
    assert store.entries("things", store.version) == []


def test_a_long_history_is_compacted_by_itself() -> None:
    store = Store(history=4)
    for _ in range(10):
        store.put("things", thing(("a", "x")))
    assert len(store.entries("things", 9)) == 2
    with pytest.raises(CompactedError):
        store.entries("things", 1)
