"""The terminal."""

import asyncio
import dataclasses
import io
import os

import pytest

from kwatch.errors import Failure, PermanentSendError, RetryableSendError, SendError
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


def _failure(fd: int) -> SendError:
    """Return why a notification cannot be written there."""
    with os.fdopen(fd, "w", encoding="utf-8", closefd=False) as stream:
        channel = stdout.create(stdout.Config(type="stdout"), dataclasses.replace(tools_for(), stdout=stream))
        of = notification(content(alert()))
        message = channel.render(of, ALONE, degraded=False)
        with pytest.raises(SendError) as caught:
            asyncio.run(channel.send(message, delivery(of, message)))
        os.dup2(os.open(os.devnull, os.O_WRONLY), fd)  # for what the stream still holds
    return caught.value


def test_a_reader_that_went_away_suspends_the_destination_and_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    error = _failure(writing)
    assert isinstance(error, PermanentSendError)
    assert error.failure is Failure.DESTINATION
    assert str(error) == "gone: standard output cannot be written: Broken pipe"


def test_a_full_disk_is_tried_again() -> None:
    error = _failure(os.open("/dev/full", os.O_WRONLY))
    assert isinstance(error, RetryableSendError)
    assert str(error) == "unavailable: the disk is full"


def test_a_full_disk_is_one_failure_each_time() -> None:
    """What could not be flushed stays in the stream, and fails again before anything new is written."""
    with os.fdopen(os.open("/dev/full", os.O_WRONLY), "w") as stream:
        channel = stdout.create(stdout.Config(type="stdout"), dataclasses.replace(tools_for(), stdout=stream))
        of = notification()
        message = channel.render(of, ALONE, degraded=False)
        for _ in range(2):
            with pytest.raises(RetryableSendError, match="the disk is full"):
                asyncio.run(channel.send(message, delivery(of, message)))
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
