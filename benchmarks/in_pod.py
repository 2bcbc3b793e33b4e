"""`kwatch run` with credentials that come, as in a Pod, without the `kubernetes` package: it is for kubeconfig files.

    python benchmarks/in_pod.py run --kubeconfig FILE [OPTIONS]

The server is read from the kubeconfig, as there is no folder of a service account outside of a cluster.
"""

import json
from pathlib import Path

import kwatch.cluster.credentials
from kwatch.cli.program import main
from kwatch.clock import SystemClock
from kwatch.cluster.credentials import Access, Credentials, Reading


class Server:
    """Reads nothing but an address."""

    name = ""

    def __init__(self, kubeconfig: Path) -> None:
        self._url = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]

    async def read(self, refused: Access | None) -> Reading:
        return Reading(Access(server=self._url), None)


async def load_credentials(kubeconfig: Path | None, context: str | None) -> Credentials:
    assert kubeconfig is not None
    return Credentials(Server(kubeconfig), SystemClock())


if __name__ == "__main__":
    kwatch.cluster.credentials.load_credentials = load_credentials
    main()
