"""A fake Kubernetes API server: the demo cluster, the fast tests' cluster, the load generator.

`FakeCluster` holds what is in the cluster and what goes wrong in it. `FakeWire` lets kwatch's own client reach it in
memory and in virtual time; `serve` puts it behind a socket. Its likeness to a real server is tested request by request.
"""

from kwatch.testing.fake.cluster import FakeCluster
from kwatch.testing.fake.faults import Effect, Fault
from kwatch.testing.fake.server import Tls, serve, write_kubeconfig
from kwatch.testing.fake.wire import FakeWire

__all__ = ["Effect", "FakeCluster", "FakeWire", "Fault", "Tls", "serve", "write_kubeconfig"]
