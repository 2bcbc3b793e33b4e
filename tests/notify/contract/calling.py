"""What tools that call people keep instead, where the contract speaks of one message for all."""

from kwatch.model.rules import Severity
from kwatch.testing.contract import Desk, IncidentContract
from kwatch.testing.contract.samples import alert, content


class CallingContract(IncidentContract):
    """Where each critical alert is an incident of its own: the others of a group share one, which names them."""

    def test_a_group_names_what_it_groups(self, desk: Desk) -> None:
        labels = {**alert().labels, "workload": "Deployment/api"}
        other = alert(rule="oom-kill", fingerprint="f2", labels=labels, severity=Severity.WARNING)
        desk.tell(content(alert(severity=Severity.WARNING), other))
        for words in ("crash-loop, oom-kill", "payments/Deployment/worker", "payments/Deployment/api"):
            assert words in desk.text
