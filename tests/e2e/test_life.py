"""An incident's whole life on a real node, as Slack, a mailbox and an Alertmanager show it.

A Deployment crash-loops, a second problem joins, somebody acknowledges with the button, both end. Another incident that
nobody acknowledges is repeated and escalates meanwhile: the first one would have, too.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.life import Life, open_life
from tests.e2e.transcript import ACKED, SAID, TO_ANN, TO_BOB, held_crash, held_image
from tests.e2e.waiting import until
from tests.mail.exim import Exim
from tests.realalertmanager import Replica
from tests.realcluster import RealCluster

pytestmark = pytest.mark.node

#: Nothing serves this registry.
ABSENT = "registry.kubetest.local:5000/shop/web:v9"
CORRECTED = {"name": "main", "image": "kubetest.local/workload:1"}


@pytest.fixture
def life(
    real_node: RealCluster, real_mail_server: Exim, real_alertmanager: tuple[Replica, ...], tmp_path: Path
) -> Iterator[Life]:
    with open_life(real_node, real_mail_server, real_alertmanager, tmp_path) as life:
        yield life


def test_an_incident_lives_in_slack_in_a_mailbox_and_in_an_alertmanager(life: Life) -> None:
    life.kube.deployment("life-shop", "worker", "exit", "3", "200ms")
    begun = life.active("crash-loop")
    assert life.held() == [[held_crash()]] * 2

    life.kube.pod("life-shop", "web", image=ABSENT, imagePullPolicy="IfNotPresent")
    grown = life.active("crash-loop", "image-pull")
    assert life.held() == [[held_crash(), held_image()]] * 2
    assert grown[0]["updatedAt"] > begun[0]["updatedAt"]

    until(lambda: len(life.slack.transcript) == 3, 10, "the news in Slack")
    life.slack.click(1, "ack", "U0ANN")
    acked = [[held_crash(ACKED), held_image(ACKED)]] * 2
    until(lambda: life.held() == acked, 10, "the acknowledgement at both replicas")

    life.kube.pod("life-lab", "huge", node_selector={"disk": "none"})
    until(lambda: life.mailed("bob"), 90, "the escalation of what nobody acknowledges")
    life.kube.delete("/api/v1/namespaces/life-lab/pods/huge")
    until(lambda: life.held() == acked, 10, "its end")

    life.kube.patch("/api/v1/namespaces/life-shop/pods/web", {"spec": {"containers": [CORRECTED]}})
    lasts_until = [datetime.fromisoformat(alert["endsAt"]) for alert in life.active("crash-loop")]
    life.kube.set_container("life-shop", "worker", "pause")
    life.active()
    assert datetime.now(UTC) < min(lasts_until), "kwatch has said that it is over"

    life.kwatch.stop()
    assert life.said() == SAID
    assert life.mailed("ann", len(TO_ANN)) == TO_ANN
    assert life.mailed("bob", len(TO_BOB)) == TO_BOB
    assert (life.slack.errors, life.slack.whispers) == ([], [])
