"""Storms: many Pods that break within seconds, and a receiver that is told of five a minute."""

from tests.scenarios.plays import Pods

#: Each Pod is told by itself, at five a minute.
PACED = """
route: {receiver: team, group_by: [namespace, workload], group_wait: 0s, repeat_interval: 1h}
receivers:
  team:
    - {type: webhook, name: hook, url: "http://receiver.example/hook", pace: {per_minute: 5, burst: 5}, concurrency: 4}
"""
#: When the plays begin: the bucket is full by then.
CALM = 60.0


def storm(
    pods: Pods, number: int, *, at: float = CALM, first: int = 0, seconds: float = 10.0, ns: str = "shop"
) -> None:
    """Let so many Pods break, within some seconds."""
    for n in range(number):
        pods.phase(at + n * seconds / number, f"p{first + n:03}", ns=ns)
