from kwatch.model.identity import fingerprint, group_id, incident_id, notification_id


def test_a_fingerprint_is_the_digest_of_canonical_json() -> None:
    # printf '%s' '{"cluster":"c","key":{"namespace":"shop","workload":"Deployment/web"},"rule_id":"r","v":1}' |
    #   openssl dgst -sha256 -binary | base32 | cut -c1-26 | tr A-Z a-z
    assert fingerprint("c", "r", {"workload": "Deployment/web", "namespace": "shop"}) == "2wpyunh5ksopalipr4cdt7veok"


def test_a_fingerprint_differs_by_cluster_and_rule() -> None:
    key = {"namespace": "shop"}
    assert len({fingerprint("a", "r", key), fingerprint("b", "r", key), fingerprint("a", "s", key)}) == 3


def test_s25_values_are_not_joined() -> None:
    assert fingerprint("c", "r", {"x": "a", "y": "bc"}) != fingerprint("c", "r", {"x": "ab", "y": "c"})


def test_s60_a_group_is_named_by_receiver_and_labels() -> None:
    labels = {"namespace": "shop"}
    assert group_id("c", "team", labels) == group_id("c", "team", dict(labels))
    assert group_id("c", "team", labels) != group_id("c", "oncall", labels)


def test_d3_an_incident_is_named_by_group_and_episode() -> None:
    assert incident_id("abc", 2) == "kw/abc/2"


def test_each_notification_of_an_incident_has_an_id_of_its_own() -> None:
    ids = {notification_id(i, d, s) for i in ("kw/a/1", "kw/a/2") for d in ("x", "y") for s in (1, 2)}
    assert len(ids) == 8
    assert {len(each) for each in ids} == {26}
