"""`kwatch why` against a board that is served, and against a kwatch that runs as a process of its own."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from kwatch.alerts.annotated import Asked
from kwatch.alerts.story import (
    AlertStory,
    DropStory,
    HoldStory,
    MemberStory,
    NoticeStory,
    StepStory,
    TellingStory,
)
from kwatch.cli.program import main
from kwatch.model.findings import Truth
from kwatch.rules.explain import Explanation
from kwatch.rules.verdicts import Verdict
from kwatch.web.reasons import Reasons
from tests.cli.serving import served
from tests.web.boards import ATTEMPT, CRASH, DELIVERIES, NOW, OVERVIEW, FixedBoard

HOLD = HoldStory(
    reason="muted_silenced",
    by="the silence of alice",
    says="silenced until 2026-03-01 14:00 UTC by alice",
    until=NOW + timedelta(hours=2),
)
STORY = AlertStory(
    view=msgspec.structs.replace(
        CRASH, acked_by="bob", acked_at=NOW, ack_comment="on it", escalated_to=("oncall",), is_throttled=True
    ),
    key={"namespace": "payments", "workload": "Deployment/worker"},
    reason="true",
    due_at=NOW + timedelta(minutes=1),
    quiet_at=NOW + timedelta(minutes=10),
    stable_at=NOW + timedelta(minutes=15),
    rate_count=3,
    hold=HOLD,
    drop="",
    drops=(DropStory("pager", "muted_severity", "critical"),),
    escalation=(StepStory("boss", NOW + timedelta(minutes=30), False),),
    notice=None,
    members=(
        MemberStory(
            object="Pod/payments/worker-1",
            truth=Truth.TRUE,
            since_at=NOW,
            seen_at=NOW,
            is_observed=False,
            is_frozen=True,
            is_gone=False,
        ),
    ),
    asked=(Asked(object="Namespace/payments", annotation="kwatch/receiver", value="boss", ignored="not allowed"),),
    tellings=(
        TellingStory(
            destination="team-slack",
            receiver="team",
            group_labels={"namespace": "payments", "workload": ""},
            incident="kw/1/1",
            thread="kw/1/1",
            is_told=True,
            last_at=NOW,
            next_at=NOW + timedelta(hours=4),
            is_repeat=True,
            hold=HOLD,
        ),
        TellingStory(destination="mail", is_digest=True, next_at=NOW + timedelta(hours=20)),
        TellingStory(destination="hook", receiver="team"),
    ),
)
VERDICTS = (
    Verdict(
        rule="node-down", origin="kwatch.yaml:3", truth=Truth.FALSE, why=Explanation("kind: Node", Truth.FALSE, "Pod")
    ),
    Verdict(rule="crashes", origin="kwatch.yaml:4", truth=Truth.TRUE, why=Explanation("kind: Pod", Truth.TRUE, "Pod")),
)
STORM = replace(OVERVIEW.destinations[0], storm_since=NOW - timedelta(minutes=3))
REASONS = Reasons(
    subject="Pod/payments/worker-1",
    now=NOW,
    verdicts=VERDICTS,
    stories=(STORY,),
    deliveries={("team-slack", "kw/1/1"): [(DELIVERIES[0], (ATTEMPT,))]},
    destinations={"team-slack": STORM},
)
TEXT = """\
Pod/payments/worker-1

crash-loop payments Deployment/worker  f-crash-loop
  firing (true), critical, episode 1, since 2026-03-01 11:48:00
  rate: 0 of 3 in the window
  judged again 2026-03-01 12:01:00, or when something is heard
  source throttled, end not observable
  ends 2026-03-01 12:10:00 if nothing more is heard
  flapping: held open until it is steady, 2026-03-01 12:15:00 at the earliest
  Pod/payments/worker-1: true since 2026-03-01 12:00:00, its own state is not known, its watch is not in sync
  annotation of Namespace/payments: kwatch/receiver: boss (ignored: not allowed)
  silenced until 2026-03-01 14:00 UTC by alice (muted_silenced, ends 2026-03-01 14:00:00)
  acknowledged by bob 2026-03-01 12:00:00: on it
  escalated to oncall
  escalates to boss: 2026-03-01 12:30:00, unless it is acknowledged
  pager: not told (muted_severity: critical at least)
  team-slack (namespace=payments workload=-): told, last 2026-03-01 12:00:00
    silenced until 2026-03-01 14:00 UTC by alice (muted_silenced, ends 2026-03-01 14:00:00)
    storm for 3 min: told in overflows
    2026-03-01 11:59:20  firing: retry_wait (unavailable), due 2026-03-01 11:59:20  n-3
      2026-03-01 11:58:00  attempt 1: sent: 200 OK
  mail: not told, next digest 2026-03-02 08:00:00
  hook: not told, until it is wrong again

rule crashes (kwatch.yaml:4): matches
  true    kind: Pod  (found: Pod)

rules on objects that do not match: node-down (--all says why)
"""


@dataclass
class Board(FixedBoard):
    """A board that gives these reasons for anything."""

    reasons: Reasons = field(default=REASONS)

    async def why(self, subject: str) -> Reasons:
        return self.reasons


def ask(state: Path, *arguments: str, reasons: Reasons = REASONS) -> Result:
    with served(state, Board(reasons=reasons)):
        return CliRunner().invoke(main, ["why", *arguments, "--state", str(state)])


def test_everything_is_said(tmp_path: Path) -> None:
    result = ask(tmp_path, "Pod/payments/worker-1")
    assert (result.exit_code, result.output) == (0, TEXT)


def test_what_nobody_has_acknowledged_is_repeated(tmp_path: Path) -> None:
    story = msgspec.structs.replace(STORY, view=CRASH)
    output = ask(tmp_path, "f", reasons=Reasons(subject="x", now=NOW, stories=(story,))).output
    assert ": told, last 2026-03-01 12:00:00, repeats 2026-03-01 16:00:00\n" in output


def test_why_other_rules_do_not_match_is_said_where_it_is_asked(tmp_path: Path) -> None:
    output = ask(tmp_path, "Pod/payments/worker-1", "--all").output
    assert "rule node-down (kwatch.yaml:3): does not match\n  false   kind: Node  (found: Pod)\n" in output


def test_what_is_over_says_why_nobody_was_told(tmp_path: Path) -> None:
    story = msgspec.structs.replace(
        STORY, view=CRASH, reason="", drop="came_and_went", drops=(), hold=None, escalation=(), members=(), tellings=()
    )
    story = msgspec.structs.replace(story, due_at=None, quiet_at=None, stable_at=None, rate_count=0)
    lines = ask(tmp_path, "f-crash-loop", reasons=Reasons(subject="x", now=NOW, stories=(story,))).output.splitlines()
    assert lines[-1] == "  told to nobody: came_and_went"


@pytest.mark.parametrize(
    ("is_told", "drop", "says"),
    [
        (True, "", "told"),
        (False, "", "told to nobody yet"),
        (False, "muted_silenced", "told to nobody: muted_silenced"),
    ],
)
def test_a_notice_says_what_became_of_it_and_until_when_it_is_not_told_again(
    tmp_path: Path, is_told: bool, drop: str, says: str
) -> None:
    notice = NoticeStory(NOW, NOW + timedelta(hours=1), 2, is_told)
    story = msgspec.structs.replace(STORY, notice=notice, drop=drop, tellings=())
    output = ask(tmp_path, "f", reasons=Reasons(subject="x", now=NOW, stories=(story,))).output
    assert "  last noticed 2026-03-01 12:00:00, not again before 2026-03-01 13:00:00, 2 dropped since\n" in output
    assert f"  {says}\n" in output


def test_an_object_that_is_well_is_in_no_alert(tmp_path: Path) -> None:
    result = ask(tmp_path, "Pod/a/b", reasons=Reasons(subject="Pod/a/b", now=NOW))
    assert (result.exit_code, result.output) == (0, "Pod/a/b\n  in no alert\n")


def test_what_is_not_known_is_code_4(tmp_path: Path) -> None:
    reasons = Reasons(subject="Pod/a/b", now=NOW, problem="there is no such object")
    result = ask(tmp_path, "Pod/a/b", reasons=reasons)
    assert (result.exit_code, result.output) == (4, "Pod/a/b\n  there is no such object\n")


def test_programs_get_json(tmp_path: Path) -> None:
    (alert,) = json.loads(ask(tmp_path, "Pod/payments/worker-1", "--json").output)["alerts"]
    assert (alert["fingerprint"], alert["told"][0]["queue"]) == ("f-crash-loop", "storm for 3 min: told in overflows")


def test_without_a_running_kwatch_the_code_is_3(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["why", "Pod/a/b", "--state", str(tmp_path)]).exit_code == 3
