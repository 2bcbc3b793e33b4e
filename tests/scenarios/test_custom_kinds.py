"""Kinds that come and go: their CRD is installed, removed, or goes on with another version."""

from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage
from tests.scenarios.plays import HOOK, play

RULE = """
packs: []
rules:
  - {name: bad, on: resource, match: {kind: Widget.a.example, fields: {spec.x: bad}}, resolve_hold: 0s}
"""


def crd(*versions: str) -> dict[str, Any]:
    """Return a CRD that serves these versions."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.a.example"},
        "spec": {
            "group": "a.example",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {"name": name, "served": True, "storage": name == versions[-1], "schema": schema} for name in versions
            ],
        },
    }


def widget(x: str, name: str = "w", *, version: str = "v1") -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": name}
    return {"apiVersion": f"a.example/{version}", "kind": "Widget", "metadata": metadata, "spec": {"x": x}}


def staged(folder: Path) -> Stage:
    """Return a stage on which the kind is served, and one of it is bad from 0 on."""
    stage = play(folder, RULE + HOOK)[0]
    stage.apply(-100, crd("v1"))
    stage.apply(0, widget("bad"))
    return stage


def watch_readiness(stage: Stage, *instants: float) -> list[tuple[float, int, str]]:
    """Ask at each instant whether kwatch is ready; what is missing stands beside it."""
    answers: list[tuple[float, int, str]] = []

    async def ask() -> None:
        answer = await stage.get("/readyz")
        answers.append((stage.now(), answer.status_code, answer.json()["sources"][0]["error"]))

    for instant in instants:
        stage.at(instant, ask)
    return answers


def test_a_kind_that_is_served_no_more_is_looked_for_again(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    stage.at(100, lambda: stage.cluster.delete(crd("v1")))
    ready = watch_readiness(stage, 50, 200, 5000, 5100)
    stage.apply(5050, crd("v1"))
    stage.apply(5200, widget("bad", "again"))
    stage.run(until=5300)
    assert stage.lines == [
        "0 hook firing bad shop/Widget/w",
        "100 hook resolved bad shop/Widget/w",
        "5200 hook firing bad shop/Widget/again",
    ]
    missing = "not served (yet): Widget.a.example"
    assert ready == [(50, 200, ""), (200, 200, missing), (5000, 200, missing), (5100, 200, "")]


def test_a_kind_that_is_served_by_another_version_goes_on_by_that(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    stage.apply(100, crd("v2"))
    ready = watch_readiness(stage, 200)
    stage.apply(300, widget("good", version="v2"))
    stage.apply(500, widget("bad", "other", version="v2"))
    stage.run(until=600)
    assert stage.lines == [
        "0 hook firing bad shop/Widget/w",
        "300 hook resolved bad shop/Widget/w",
        "500 hook firing bad shop/Widget/other",
    ]
    assert ready == [(200, 200, "")]
