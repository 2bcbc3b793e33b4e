"""Values of Secrets, of ConfigMaps and of environment variables are not kept, whatever a rule asks for."""

from typing import Any

import pytest

from kwatch.model.conditions import Path
from kwatch.model.objects import Resource
from kwatch.watch.extract import Projection, state_of

ENV: Path = ("spec", "containers", None, "env", None, "value")
LAST = "kubectl.kubernetes.io/last-applied-configuration"


def values_of(kind: str, body: dict[str, Any], *paths: Path, group: str = "") -> dict[Path, tuple[Any, ...]]:
    resource = Resource(group=group, version="v1", plural="x", kind=kind, namespaced=True)
    metadata = {"name": "a", "resourceVersion": "1", **body.pop("metadata", {})}
    return dict(state_of(resource, Projection(frozenset(paths)), {"metadata": metadata, **body}).values)


def test_nothing_of_a_secret_is_kept() -> None:
    body = {"data": {"key": "Y2FuYXJ5"}, "stringData": {"key": "canary"}, "type": "Opaque"}
    assert values_of("Secret", body, ("data", "key"), ("stringData", "key"), ("type",)) == {("type",): ("Opaque",)}


def test_of_a_config_map_and_of_environment_variables_marks_are_kept() -> None:
    assert values_of("ConfigMap", {"data": {"key": "canary"}}, ("data", "key")) == {
        ("data", "key"): ("[redacted e100fbce]",)
    }
    env = [{"name": "A", "value": "canary"}, {"name": "B", "value": "other"}]
    assert values_of("Pod", {"spec": {"containers": [{"env": env}]}}, ENV) == {
        ENV: ("[redacted e100fbce]", "[redacted d9298a10]")
    }


def test_of_a_template_one_mark_is_kept_beside_what_is_asked_for_in_it() -> None:
    template: Path = ("spec", "template")
    image: Path = (*template, "spec", "containers", None, "image")
    body = {"spec": {"template": {"spec": {"containers": [{"image": "web:1"}]}}, "replicas": 2}}
    assert values_of("Deployment", body, template, image, group="apps") == {
        template: ("[redacted 0825dc60]",),
        image: ("web:1",),
    }


def test_another_kind_of_the_same_name_has_its_data() -> None:
    body = {"data": {"key": "plain"}}
    assert values_of("ConfigMap", body, ("data", "key"), group="example.com") == {("data", "key"): ("plain",)}


@pytest.mark.parametrize("annotations", [True, False])
def test_the_copy_that_kubectl_leaves_is_not_kept(annotations: bool) -> None:
    path: Path = ("metadata", "annotations", LAST)
    resource = Resource(group="", version="v1", plural="x", kind="Pod", namespaced=True)
    body = {"metadata": {"name": "a", "resourceVersion": "1", "annotations": {LAST: "canary", "team": "a"}}}
    state = state_of(resource, Projection(frozenset((path,)), annotations=annotations), body)
    assert (state.annotations, state.values) == ({"team": "a"} if annotations else {}, {})
