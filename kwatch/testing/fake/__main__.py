"""Serve a fake cluster: `python -m kwatch.testing.fake [--scenario FILE | --recording FILE [--speed N]] [--port N]`.

Prints the path of a kubeconfig for it, and serves until it is interrupted.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from kwatch.clock import SystemClock
from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.faults import silence
from kwatch.testing.fake.recording import RecordingPlayer, load_recording
from kwatch.testing.fake.scenario import DEMO, ScenarioPlayer, load_scenario
from kwatch.testing.fake.server import serve, write_kubeconfig


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m kwatch.testing.fake", description="Serve a fake Kubernetes cluster."
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    played = parser.add_mutually_exclusive_group()
    played.add_argument("--scenario", type=Path, default=DEMO, help="a time line in YAML; default: the demonstration")
    played.add_argument("--recording", type=Path, help="recorded watch streams, .ndjson.gz")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster a recording is played")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.exit(130)


async def _serve(arguments: argparse.Namespace) -> None:
    cluster = FakeCluster(SystemClock())
    player = _player(arguments, cluster)
    player.begin()
    with tempfile.TemporaryDirectory(prefix="kwatch-fake-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        async with serve(cluster, port=arguments.port) as url:
            write_kubeconfig(kubeconfig, url)
            sys.stdout.write(f"{kubeconfig}\n")
            sys.stdout.flush()
            await player.run()
            await silence()


def _player(arguments: argparse.Namespace, cluster: FakeCluster) -> ScenarioPlayer | RecordingPlayer:
    if arguments.recording is None:
        return ScenarioPlayer(load_scenario(arguments.scenario), cluster)
    return RecordingPlayer(load_recording(arguments.recording), cluster, speed=arguments.speed)


if __name__ == "__main__":
    main()
