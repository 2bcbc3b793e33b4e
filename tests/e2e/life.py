"""What watches an incident live: a Slack with buttons, mailboxes of a real mail server, two real Alertmanagers.

Everything is given as texts without what is another in each run.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from kwatch.testing.vendors.slack_buttons import APP_TOKEN
from tests.e2e.desk import TOKEN
from tests.e2e.kube import Kube
from tests.e2e.plain import plain
from tests.e2e.settings import RULES
from tests.e2e.shipped import Kwatch
from tests.e2e.waiting import until
from tests.e2e.workspace import Workspace, open_workspace
from tests.mail.exim import PASSWORD, Exim
from tests.realalertmanager import Replica
from tests.realcluster import RealCluster

_CONFIG = """
cluster: e2e
state: {path: state}
web: {listen: "127.0.0.1:0"}
watch: {namespaces: {include: ["life-*"]}}
route:
  receiver: team
  group_by: [namespace]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 30s
  escalate: [{after: 40s, receiver: oncall}]
receivers:
  team:
    - {type: slack, channel: "#alerts", token: {file: token}, app_token: {file: app-token}, allow: [U0ANN],
       api_url: "%(slack)s"}
    - {type: smtp, host: localhost, port: %(port)s, ca: %(ca)s, username: kwatch, password: {file: password},
       from: kwatch@example.com, to: ann@example.com}
    - {type: alertmanager, urls: [%(replicas)s], resend: 10s}
  oncall:
    - {type: smtp, host: localhost, port: %(port)s, ca: %(ca)s, username: kwatch, password: {file: password},
       from: kwatch@example.com, to: bob@example.com}
"""
#: What people can press, as Slack shows it.
_BUTTONS = """Acknowledge
Silence
for 1 hour
for 4 hours
until resolved, 24 hours at most
Silence
All alerts of this message will be silent, and no others.
Silence
Cancel"""


@dataclass(frozen=True, slots=True)
class Life:
    """The cluster, kwatch, and those who are told."""

    kube: Kube
    kwatch: Kwatch
    slack: Workspace
    mail: Exim
    replicas: Sequence[Replica]

    def said(self) -> list[tuple[str, str]]:
        """Return what was posted, answered and edited in Slack; each of the two buttons as its name."""
        return [(act, _shown(text)) for act, text in self.slack.transcript]

    def mailed(self, mailbox: str, number: int = 0) -> list[tuple[str, str, str]]:
        """Wait for so many mails; of each return where it stands, its subject, its text without the footer."""
        mails = self.mail.mails(mailbox, number)
        threads = [str(mail["Message-ID"]) for mail in mails if mail["References"] is None]
        return [(_place(mail, threads), plain(str(mail["Subject"]).strip()), _text(mail)) for mail in mails]

    def held(self) -> list[list[tuple[str, str, str]]]:
        """Return what is active at each replica: the alert, its summary, its description."""
        return [[_alert(alert) for alert in replica.active()] for replica in self.replicas]

    def active(self, *rules: str) -> list[Mapping[str, Any]]:
        """Wait until these and no others are active at both replicas; return them."""

        def names(replica: Replica) -> tuple[str, ...]:
            return tuple(alert["labels"]["alertname"] for alert in replica.active())

        until(lambda: all(names(replica) == rules for replica in self.replicas), 60, f"{rules} at both replicas")
        return [alert for replica in self.replicas for alert in replica.active()]


def _shown(text: str) -> str:
    lines = [line.strip() for line in plain(text).splitlines() if line.strip()]
    return "\n".join(lines).replace(_BUTTONS, "[Acknowledge] [Silence]")


def _place(mail: EmailMessage, threads: Sequence[str]) -> str:
    if mail["References"] is None:
        return f"mail {threads.index(mail['Message-ID']) + 1}"
    assert mail["In-Reply-To"] == mail["References"]
    return f"below {threads.index(mail['References']) + 1}"


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return plain(str(body.get_content()).replace("\r\n", "\n")).partition("\n-- \n")[0].strip()


def _alert(alert: Mapping[str, Any]) -> tuple[str, str, str]:
    labels, said = alert["labels"], alert["annotations"]
    name = f"{labels['alertname']} {labels['severity']} {labels['namespace']} {labels['workload']}"
    return name, plain(said["summary"]), plain(said["description"])


@contextmanager
def open_life(cluster: RealCluster, mail: Exim, replicas: Sequence[Replica], folder: Path) -> Iterator[Life]:
    """Start kwatch on two empty namespaces, until the end of the block."""
    for name, secret in {"token": TOKEN, "app-token": APP_TOKEN, "password": PASSWORD}.items():
        (folder / name).write_text(secret)
    with ExitStack() as stack:
        stack.callback(mail.forget)
        slack = stack.enter_context(open_workspace(TOKEN))
        words = {
            "slack": slack.api_url,
            "port": mail.starttls,
            "ca": mail.ca,
            "replicas": ", ".join(f'"{replica.url}"' for replica in replicas),
        }
        kwatch = Kwatch(folder, _CONFIG % words + RULES, cluster.kubeconfig)
        stack.callback(kwatch.end)
        kwatch.start()
        kube = Kube(cluster.kubeconfig)
        for namespace in ("life-shop", "life-lab"):
            kube.namespace(namespace)
        yield Life(kube, kwatch, slack, mail, replicas)
