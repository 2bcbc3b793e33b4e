"""What changed while kwatch was not there is a change all the same, told once and as late."""

from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage

CONFIG = """
packs: []
rules:
  - name: image-changed
    on: resource
    match: {kind: Deployment, changed: ["spec.template.spec.containers[*].image"]}
    mode: notice
route: {receiver: hook, group_wait: 0s}
receivers: {hook: [{type: webhook, url: "http://127.0.0.1/hook"}]}
"""


def deployment(image: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
    }


def told_of(stage: Stage) -> list[tuple[float, str, bool]]:
    return [(told.at, told.document["alerts"][0]["message"], told.document["is_late"]) for told in stage.told]


def test_a_change_while_kwatch_was_down_is_told_once_and_late(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    stage.at(0, lambda: stage.cluster.apply(deployment("web:1")))
    stage.absent(100, 200)
    stage.at(150, lambda: stage.cluster.apply(deployment("web:2")))
    stage.absent(300, 400)

    stage.run(until=900)

    path = "spec.template.spec.containers[*].image"
    assert told_of(stage) == [(200, f"{path}: web:1 → web:2", True)]


def test_an_object_made_anew_while_kwatch_was_down_has_not_changed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CONFIG)
    stage.at(0, lambda: stage.cluster.apply(deployment("web:1")))
    stage.absent(100, 200)
    stage.at(150, lambda: stage.cluster.delete(deployment("web:1")))
    stage.at(160, lambda: stage.cluster.apply(deployment("web:2")))

    stage.run(until=900)

    assert told_of(stage) == []


def test_what_a_rule_asks_for_that_was_loaded_meanwhile_is_remembered_too(tmp_path: Path) -> None:
    other = CONFIG.replace("kind: Deployment", "kind: Node").replace("spec.template.spec.containers[*].image", "spec")
    stage = Stage(tmp_path, other)
    stage.at(0, lambda: stage.cluster.apply(deployment("web:1")))
    stage.reload(50, CONFIG)
    stage.absent(100, 200)
    stage.at(150, lambda: stage.cluster.apply(deployment("web:2")))

    stage.run(until=900)

    path = "spec.template.spec.containers[*].image"
    assert told_of(stage) == [(200, f"{path}: web:1 → web:2", True)]
