"""Those who may write objects, and what they say to kwatch by annotations: words for plays of self-service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, HOOK, Pods, pod


def allowing(words: str, *, rules: str = BROKEN, routes: str = HOOK) -> str:
    return f"{rules}{routes}\nself_service: {{{words}}}\n"


class Owners:
    """Those who may write objects: what they say to kwatch."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def namespace(self, at: float, name: str = "shop", **words: str | None) -> None:
        self._annotate(at, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, words)

    def deployment(self, at: float, name: str = "web", **words: str | None) -> None:
        metadata = {"name": name, "namespace": "shop"}
        self._annotate(at, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}, words)

    def pod(self, at: float, name: str, phase: str = "Failed", **words: str | None) -> None:
        self._annotate(at, pod(name, phase), words)

    def _annotate(self, at: float, manifest: dict[str, Any], words: Mapping[str, str | None]) -> None:
        annotations = {f"kwatch/{word.replace('_', '-')}": value for word, value in words.items()}
        metadata = {**manifest["metadata"], "annotations": annotations}
        self._stage.apply(at, {**manifest, "metadata": metadata})


def play(folder: Path, text: str) -> tuple[Stage, Pods, Owners]:
    stage = Stage(folder, text)
    return stage, Pods(stage), Owners(stage)


def deployed(stage: Stage, at: float, name: str, phase: str = "Failed") -> None:
    """Let a Pod of the Deployment web be in a phase."""
    reference = {"kind": "ReplicaSet", "name": "web-1", "apiVersion": "apps/v1", "controller": True, "uid": "r1"}
    controller = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1", "controller": True, "uid": "d1"}
    replicas = {"apiVersion": "apps/v1", "kind": "ReplicaSet"}
    stage.apply(
        at,
        {**replicas, "metadata": {"name": "web-1", "namespace": "shop", "uid": "r1", "ownerReferences": [controller]}},
    )
    manifest = pod(name, phase)
    stage.apply(at, {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}})


def outcomes(stage: Stage, *names: str) -> list[int]:
    return [stage.counted("decisions", outcome=name) for name in names]


def ignored(stage: Stage, reason: str) -> int:
    return stage.counted("annotations_ignored", reason=reason)


def severities(stage: Stage) -> list[list[str]]:
    return [[alert["severity"] for alert in told.document["alerts"]] for told in stage.told]


def runbooks(stage: Stage) -> list[str | None]:
    return [told.document["alerts"][0]["annotations"].get("runbook") for told in stage.told]
