"""The terminal."""

import asyncio
import io

from kwatch.model.notifications import NotificationKind
from kwatch.notify.channels import stdout
from tests.notify.samples import ALONE, alert, content, delivery, notification, tools_for


def test_a_notification_is_a_block_of_lines() -> None:
    tools = tools_for()
    channel = stdout.create(stdout.Config(type="stdout"), tools)
    hostile = alert(annotations={}, message="one\n\x1b[2Jtwo [bold]three[/bold]", details={}, count=0, members=())
    of = notification(content(hostile, kind=NotificationKind.RESOLVED))
    message = channel.render(of, ALONE, degraded=False)
    asyncio.run(channel.send(message, delivery(of, message)))
    assert isinstance(tools.stdout, io.StringIO)
    assert (
        tools.stdout.getvalue()
        == """\
✅ RESOLVED after 12 m · crash-loop · payments/Deployment/worker
  RESOLVED after 12 m: 14:02 UTC to 14:14 UTC
  Was          one
  Ended        it is healthy again
  Where        payments/Deployment/worker
  Node         n-17
  Affected     5 objects
  Rule         crash-loop
  Cluster      prod-eu

"""
    )


def test_on_a_terminal_long_facts_break_between_words_and_go_on_below_themselves() -> None:
    text = "FIRING\n  Means        The container ended again and again soon after its start.\n"
    assert stdout.wrapped(text, 50) == (
        "FIRING\n  Means        The container ended again and again\n               soon after its start.\n"
    )
