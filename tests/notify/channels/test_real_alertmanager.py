"""The channel and the loop beside the outbox against two real replicas, read back from their API."""

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from kwatch.clock import SystemClock
from kwatch.errors import PermanentSendError, Reason, SendError
from kwatch.model.alerts import AlertView
from kwatch.model.notifications import Content, NotificationKind
from kwatch.notify.base import Tools
from kwatch.notify.channels import alertmanager
from kwatch.notify.http import system_transport
from kwatch.notify.render import TemplateEngine
from kwatch.outbox.reconciler import Reconciler
from kwatch.telemetry import Counters
from kwatch.testing.contract.samples import ALONE, alert, delivery, ended, notification
from kwatch.testing.vendors.alertmanager import Alertmanager
from tests.notify.channels.lanes import told
from tests.realalertmanager import Replica, running, wait_for

ODD = {
    "app.kubernetes.io/part-of": 'a "quoted" \\ shop',
    "1st": "über",
    "empty": "",
    "emoji": "🔥\u202e",
    "": "no name",
    "long": "x" * 5000,
}


def create(replicas: tuple[Replica, ...], **keys: Any) -> alertmanager.Alertmanager:
    words = {"type": "alertmanager", "name": "am", "urls": [each.url for each in replicas], "resend": "1s", **keys}
    clock = SystemClock()
    tools = Tools(
        clock=clock,
        templates=TemplateEngine(clock),
        transport=system_transport,
        instance="x",
        secret="s",
        stdout=io.StringIO(),
    )
    return alertmanager.Alertmanager(alertmanager.Config.model_validate(words), tools)


def tell(replicas: tuple[Replica, ...], facts: Content, **keys: Any) -> None:
    async def once() -> None:
        channel, of = create(replicas, **keys), notification(facts)
        try:
            message = channel.render(of, ALONE, degraded=False)
            await channel.send(message, delivery(of, message))
        finally:
            await channel.close()

    asyncio.run(once())


@contextmanager
def looping(replicas: tuple[Replica, ...], fires: list[AlertView]) -> Iterator[None]:
    """Run the loop in a thread, over what fires as the list says."""
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    def standing(_: str) -> Content:
        return msgspec.structs.replace(
            told(NotificationKind.UPDATE, alert()), alerts=tuple(fires), alert_count=len(fires)
        )

    async def run() -> None:
        channel = create(replicas)
        reconciler = Reconciler({"am": channel}, standing, clock=SystemClock(), counters=Counters())
        task = asyncio.create_task(reconciler.run())
        await stop.wait()
        task.cancel()
        await asyncio.wait({task})
        await channel.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def names(replica: Replica) -> list[str]:
    return [each["labels"]["alertname"] for each in replica.active()]


def recent(**changes: Any) -> AlertView:
    """Return an alert that began a minute ago by the machine's clock."""
    now = datetime.now().astimezone()
    return alert(starts_at=now.replace(microsecond=0), **changes)


def test_what_fires_is_at_every_replica_as_it_was_posted(real_alertmanager: tuple[Replica, ...]) -> None:
    tell(real_alertmanager, told(NotificationKind.FIRING, public_url="https://kwatch.example.com"), resend="60s")
    for replica in real_alertmanager:
        (only,) = replica.active()
        assert only["labels"] == {
            "alertname": "crash-loop",
            "cluster": "prod-eu",
            "fingerprint": "7qf3zk2m5x4w6y1a9bcdefghij",
            "kind": "Pod",
            "name": "worker-7d9c-x2x1",
            "namespace": "payments",
            "node": "n-17",
            "reason": "BackOff",
            "rule": "crash-loop",
            "severity": "critical",
            "workload": "Deployment/worker",
        }
        assert only["startsAt"] == "2026-03-01T14:02:00.000Z"
        assert only["status"] == {"inhibitedBy": [], "silencedBy": [], "state": "active"}
        assert only["generatorURL"] == "https://kwatch.example.com/#7qf3zk2m5x4w6y1a9bcdefghij"
        assert (
            only["annotations"]["summary"]
            == "CRITICAL · crash-loop · payments/Deployment/worker · since 14:02 UTC · 43×"
        )
        assert only["annotations"]["runbook_url"] == "https://runbooks.example.com/crash-loop"


def test_an_end_is_there_at_once(real_alertmanager: tuple[Replica, ...]) -> None:
    tell(real_alertmanager, told(NotificationKind.FIRING), resend="60s")
    tell(real_alertmanager, told(NotificationKind.RESOLVED, ended(alert())), resend="60s")
    assert [names(replica) for replica in real_alertmanager] == [[], []]


def test_a_resend_is_the_same_alert(real_alertmanager: tuple[Replica, ...]) -> None:
    for _ in range(3):
        tell(real_alertmanager, told(NotificationKind.FIRING), resend="60s")
    assert [names(replica) for replica in real_alertmanager] == [["crash-loop"]] * 2


def test_no_label_of_a_cluster_makes_it_refuse_an_alert(real_alertmanager: tuple[Replica, ...]) -> None:
    tell(real_alertmanager, told(NotificationKind.FIRING, alert(labels=ODD)), resend="60s")
    (only,) = real_alertmanager[0].active()
    assert only["labels"]["app_kubernetes_io_part_of"] == 'a "quoted" \\ shop'
    assert only["labels"]["_1st"] == "über"


def test_what_goes_on_is_held_and_what_does_not_ends(real_alertmanager: tuple[Replica, ...]) -> None:
    fires = [recent(), recent(fingerprint="b", rule="oom-killed")]
    with looping(real_alertmanager, fires):
        wait_for(lambda: [names(replica) for replica in real_alertmanager] == [["crash-loop", "oom-killed"]] * 2)
        before = real_alertmanager[0].active()[0]["endsAt"]
        wait_for(lambda: bool(real_alertmanager[0].active()[0]["endsAt"] > before))
        fires.pop()
        wait_for(lambda: [names(replica) for replica in real_alertmanager] == [["crash-loop"]] * 2)


def test_a_replica_that_was_restarted_holds_it_again(real_alertmanager: tuple[Replica, ...]) -> None:
    _, second = real_alertmanager
    with looping(real_alertmanager, [recent()]):
        wait_for(lambda: [names(replica) for replica in real_alertmanager] == [["crash-loop"]] * 2)
        second.stop()
        second.start()
        wait_for(lambda: names(second) == ["crash-loop"])


def test_the_end_of_kwatch_ends_what_nobody_watches_any_more(real_alertmanager: tuple[Replica, ...]) -> None:
    with looping(real_alertmanager, [recent()]):
        wait_for(lambda: names(real_alertmanager[0]) == ["crash-loop"])
    wait_for(lambda: [names(replica) for replica in real_alertmanager] == [[], []])


@pytest.mark.parametrize("name", [limit.name for limit in Alertmanager(SystemClock()).limits if limit.name != "token"])
def test_the_stand_in_refuses_what_the_real_one_refuses(real_alertmanager: tuple[Replica, ...], name: str) -> None:
    (limit,) = (each for each in Alertmanager(SystemClock()).limits if each.name == name)
    replica = real_alertmanager[0]
    assert [replica.post(request.content) for request in limit.at] == [200]
    assert [replica.post(request.content) for request in limit.over] == [limit.status]


def test_of_a_request_that_is_wrong_in_part_the_rest_is_taken(
    real_alertmanager: tuple[Replica, ...], tmp_path: Path
) -> None:
    good, bad = {"labels": {"alertname": "good"}}, {"labels": {"a-b": "1"}}
    assert real_alertmanager[0].post(msgspec.json.encode([bad, good])) == 400
    assert names(real_alertmanager[0]) == ["good"]


# The password is `test`: https://prometheus.io/docs/guides/basic-auth/
PROTECTED = "basic_auth_users: {admin: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay}"


MUTUAL = """
tls_server_config:
  cert_file: FOLDER/server.pem
  key_file: FOLDER/server-key.pem
  client_ca_file: FOLDER/ca.pem
  client_auth_type: RequireAndVerifyClientCert
"""


def test_it_knows_who_posts_by_certificate(real_alertmanager: tuple[Replica, ...], tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, issued in (("server", authority.issue_cert("127.0.0.1")), ("kwatch", authority.issue_cert("kwatch@x"))):
        issued.private_key_pem.write_to_path(tmp_path / f"{name}-key.pem")
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    with running(tmp_path / "mutual", 1, MUTUAL.replace("FOLDER", str(tmp_path))) as (replica,):
        urls = {"urls": [replica.url.replace("http:", "https:")], "ca": tmp_path / "ca.pem"}
        tell((), told(NotificationKind.FIRING), **urls, cert=tmp_path / "kwatch.pem", key=tmp_path / "kwatch-key.pem")
        with pytest.raises(SendError):
            tell((), told(NotificationKind.FIRING), **urls)


def test_it_knows_who_posts_by_password(real_alertmanager: tuple[Replica, ...], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("test")
    keys = {"username": "admin", "password": {"file": str(tmp_path / "password")}}
    with running(tmp_path / "protected", 1, PROTECTED) as replicas:
        tell(replicas, told(NotificationKind.FIRING), **keys)
        (tmp_path / "password").write_text("another")
        with pytest.raises(PermanentSendError) as raised:
            tell(replicas, told(NotificationKind.FIRING), **keys)
    assert raised.value.reason is Reason.UNAUTHORIZED
