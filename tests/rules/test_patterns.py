"""What a message says without what changes each time it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch.rules.patterns import pattern_of

#: As the kubelet, the scheduler and controllers write them.
MESSAGES = {
    "Back-off restarting failed container app in pod worker-7d4b9c6f5-x2x8k_payments(0f8c6d1e-2f6a-4a3c-9b1d-7f1c2d3e4f50)":  # noqa: E501
    "Back-off restarting failed container app in pod worker-<suffix>_payments(<uid>)",
    "back-off 5m0s restarting failed container=app": "back-off <duration> restarting failed container=app",
    "Readiness probe failed: Get \"http://10.244.1.7:8080/healthz\": context deadline exceeded":
    "Readiness probe failed: Get \"http://<address>/healthz\": context deadline exceeded",
    "Liveness probe failed: HTTP probe failed with statuscode: 503":
    "Liveness probe failed: HTTP probe failed with statuscode: <number>",
    "0/12 nodes are available: 3 Insufficient cpu, 9 Insufficient memory.":
    "<number>/<number> nodes are available: <number> Insufficient cpu, <number> Insufficient memory.",
    "Memory cgroup out of memory: Killed process 4242 (java)":
    "Memory cgroup out of memory: Killed process <number> (java)",
    "Stopping container 3f1c2d3e4f509b1d7f1c": "Stopping container <hash>",
    "Failed to pull image \"shop/web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"":
    "Failed to pull image \"shop/web@<hash>\"",
    "dial tcp [fe80::1]:443: connect: connection refused": "dial tcp <address>: connect: connection refused",
    "lookup registry on fd00::a: no such host": "lookup registry on <address>: no such host",
    "Lease expired at 2026-11-21T09:10:11Z": "Lease expired at <time>",
    "Created pod: web-0": "Created pod: web-<number>",
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 85492Ki.":
    "The node was low on resource: memory. Threshold quantity: <number>, available: <number>.",
    "Error: ErrImagePull": "Error: ErrImagePull",
    "MountVolume.SetUp failed for volume \"kube-api-access-x2x8k\"":
    "MountVolume.SetUp failed for volume \"kube-api-access-<suffix>\"",
    "my-https and ipv4 stay": "my-https and ipv4 stay",
    "error in db-mssql-pgsql, web-httpd": "error in db-mssql-pgsql, web-httpd",
    "Created pod: node-exporter-bcdfg": "Created pod: node-exporter-<suffix>",
    "Scaled up replica set web-7d4b9c6f5 from 1 to 2":
    "Scaled up replica set web-<suffix> from <number> to <number>",
    "Created job nightly-28301230": "Created job nightly-<number>",
    "run with -bcdfg": "run with -bcdfg",
    "dial 2001:db8::a:b: timeout": "dial <address>: timeout",
    "dial 2001:db8:0:1:2:3:4:5 timeout": "dial <address> timeout",
    "route 2001:db8::/32 via ::1 and ::ffff:10.0.0.1": "route <address>/<number> via <address> and <address>",
    "duplicate 0a:58:0a:f4:00:01": "duplicate <address>",
    "std::vector and Net::HTTP stay": "std::vector and Net::HTTP stay",
    "controller-0_7a1b2c3d-aaaa-bbbb-cccc-111122223333 became leader":
    "controller-<number>_<uid> became leader",
    "k8s_POD_4f3a2b1c4f3a2b1c": "k8s_POD_<hash>",
    "Killed process 1012 (java) total-vm:327128kB": "Killed process <number> (java) total-vm:<number>",
}  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES)
def test_what_varies_is_replaced(message: str) -> None:
    assert pattern_of(message) == MESSAGES[message]


def test_two_pods_of_one_deployment_say_the_same() -> None:
    one, other = (
        f"Back-off restarting failed container app in pod worker-{suffix}_payments"
        for suffix in ("7d4b9c6f5-x2x8k", "6c9f8d7b4-zz9qp")
    )
    assert pattern_of(one) == pattern_of(other)


def test_two_problems_stay_two() -> None:
    assert pattern_of("Liveness probe failed: 500") != pattern_of("Readiness probe failed: 500")


@given(st.text(max_size=400))
def test_any_text_has_a_pattern(text: str) -> None:
    assert isinstance(pattern_of(text), str)


def test_of_an_endless_message_the_beginning_counts() -> None:
    assert pattern_of("a " * 10**6) == "a " * 512
