"""`kwatch send-test`: one message to each destination, and what it answered."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kwatch.cli.exits import Exit
from kwatch.cli.options import config_option

if TYPE_CHECKING:
    from kwatch.cli.channels import Way


@click.command("send-test", short_help="Send a test message to each destination.")
@config_option
@click.option("--destination", help="Only this destination [default: all].")
@click.pass_context
def send_test(context: click.Context, config: Path | None, destination: str | None) -> None:
    """Send one test message to each destination, and say what it answered."""
    import asyncio

    from kwatch.cli.channels import ways

    failed = asyncio.run(_send_all(ways(config, destination)))
    context.exit(Exit.PROBLEM if failed else Exit.OK)


async def _send_all(ways: "tuple[Way, ...]") -> int:
    """Send to one after the other; return how many failed, or were not taken for all."""
    failed = 0
    for way in ways:
        problem = await _send(way)
        failed += bool(problem)
        click.echo(f"{way.name} ({way.type}): {problem or 'sent'}")
    return failed


async def _send(way: "Way") -> str:
    """Send one test message; return why it failed, or who did not get it, or nothing."""
    import asyncio

    from kwatch.errors import SendError
    from kwatch.model.notifications import Delivery, DeliveryState, NotificationKind, Thread

    notification = way.sample(NotificationKind.TEST)
    message = way.channel.render(notification, Thread(), degraded=False)
    delivery = Delivery(
        notification=notification, state=DeliveryState.LEASED, due_at=notification.created_at, message=message
    )
    try:
        async with asyncio.timeout(way.channel.timeout):
            receipt = await way.channel.send(message, delivery)
    except SendError as error:
        return f"failed: {error}"
    except TimeoutError:
        return f"failed: no answer within {way.channel.timeout:g} s"
    finally:
        await way.channel.close()
    return f"sent, but {receipt.note}" if receipt.note else ""
