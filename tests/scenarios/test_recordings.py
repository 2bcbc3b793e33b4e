"""Five recorded minutes of a real cluster, played through the shipped composition with the default packs."""

from pathlib import Path

import pytest

from kwatch.testing.fake.recording import Recording, RecordingPlayer, load_recording
from kwatch.testing.stage import Stage

RECORDING = Path(__file__).parent.parent / "corpus" / "incidents-1.ndjson.gz"
PACKS_ONLY = 'receivers: {team: [{type: webhook, url: "https://example.com/hook"}]}\n'

ALL = [
    "43.36 hook firing oom-killed payments/Deployment/cache",
    "52.378 hook firing crash-loop payments/Deployment/worker",
    "87.428 hook firing image-pull shop/Deployment/web, rollout-stuck shop/Deployment/web",
    "126.752 hook firing failed-mount platform/Pod/novolume ×6",
    "130.937 hook resolved image-pull shop/Deployment/web, rollout-stuck shop/Deployment/web",
    "135.557 hook firing container-config-error platform/Pod/noconfig",
    "138.958 hook firing job-failed platform/Job/migrate",
    "144.412 hook firing liveness-probe-failing platform/Deployment/flaky ×2",
    "154.937 hook firing failed-scheduling platform/Pod/huge",
    "168.437 hook firing node-not-ready Node/node-1",
    "191.571 hook resolved failed-scheduling platform/Pod/huge",
    "193.458 hook resolved crash-loop payments/Deployment/worker",
    "193.463 hook resolved oom-killed payments/Deployment/cache",
    "302.937 hook resolved node-not-ready Node/node-1",
    "313.45 hook resolved container-config-error platform/Pod/noconfig",
    "365.937 hook resolved failed-mount platform/Pod/novolume ×8",
]

#: Of each problem: the name of the object, the cause, the next step.
SAID = {
    "oom-killed": (
        "cache-56bc48689-9msmn",
        "A container of Deployment/cache was killed because it used more memory than its limit (64Mi).",
        (
            "kubectl top pod -n payments cache-56bc48689-9msmn --containers; then raise resources.limits.memory of "
            "Deployment/cache or lower its use."
        ),
    ),
    "crash-loop": (
        "worker-64df4f4bb4-rl6n2",
        "A container of Deployment/worker keeps crashing with exit code 3.",
        "kubectl logs -n payments worker-64df4f4bb4-rl6n2 --all-containers --previous",
    ),
    "image-pull": (
        "web-cc84446d6-qz8mr",
        "An image of Deployment/web cannot be pulled (registry.kubetest.local:5000/web:broken).",
        (
            "kubectl describe pod -n shop web-cc84446d6-qz8mr; then correct the image of Deployment/web or its "
            "imagePullSecrets."
        ),
    ),
    "failed-mount": (
        "platform/Pod/novolume",
        'cannot be mounted: MountVolume.SetUp failed for volume "v" : secret "absent" not found',
        (
            "kubectl describe pod -n platform novolume; then create what the message names as missing, or look after "
            "the storage."
        ),
    ),
    "container-config-error": (
        "platform/Pod/noconfig",
        'A container of Pod/noconfig cannot be created: configmap "absent" not found.',
        "kubectl describe pod -n platform noconfig; then create what is missing or correct Pod/noconfig.",
    ),
    "job-failed": (
        "platform/Job/migrate",
        "Job migrate has failed: Job has reached the specified backoff limit",
        "kubectl logs -n platform job/migrate --all-containers",
    ),
    "liveness-probe-failing": (
        "flaky-5db78d879f-v9bsc",
        "A container of Deployment/flaky is restarted because its liveness probe fails.",
        "kubectl describe pod -n platform flaky-5db78d879f-v9bsc (its Unhealthy events hold the probe's answer)",
    ),
    "failed-scheduling": (
        "platform/Pod/huge",
        "No node can take huge: 0/1 nodes are available: 1 Insufficient cpu.",
        "kubectl describe pod -n platform huge; kubectl describe nodes (Allocated resources, Taints)",
    ),
    "node-not-ready": (
        "Node/node-1",
        "Node node-1 is not ready: Kubelet stopped posting node status.",
        "kubectl describe node node-1 (Conditions); then look at the machine and at its kubelet's log",
    ),
    "rollout-stuck": (
        "shop/Deployment/web",
        "The rollout of Deployment/web is stuck: its new Pods did not become available in time.",
        "kubectl rollout status -n shop deployment/web; to go back: kubectl rollout undo -n shop deployment/web",
    ),
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load_recording(RECORDING)


def played(recording: Recording, folder: Path) -> Stage:
    """Play it, and an hour of silence after it."""
    stage = Stage(folder, PACKS_ONLY, start=recording.start, lead=0)
    player = RecordingPlayer(recording, stage.cluster)
    player.begin()
    stage.at(0, player.run)
    stage.run(until=recording.frames[-1].at + 3600)
    return stage


@pytest.fixture(scope="module")
def stage(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return played(recording, tmp_path_factory.mktemp("first"))


def test_ten_problems_are_told_once_each_with_their_ends_and_nothing_else(stage: Stage) -> None:
    assert stage.lines == ALL


@pytest.mark.parametrize("rule", SAID)
def test_each_is_told_with_the_name_the_cause_and_the_next_step(stage: Stage, rule: str) -> None:
    (text,) = (told.document["text"] for told in stage.told if told.kind in ("firing", "update") and rule in told.rules)
    assert [part for part in SAID[rule] if part not in text] == []


def test_played_again_it_is_the_same_byte_for_byte(stage: Stage, recording: Recording, tmp_path: Path) -> None:
    again = played(recording, tmp_path)
    assert [(told.at, told.body) for told in again.told] == [(told.at, told.body) for told in stage.told]
