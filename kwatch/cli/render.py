"""`kwatch render`: what messages look like, without sending any."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from kwatch.cli.options import config_option

if TYPE_CHECKING:
    from kwatch.cli.channels import Way
    from kwatch.model.notifications import NotificationKind

#: The values of `NotificationKind`, which would take long to import.
_KINDS = (
    "firing",
    "update",
    "repeat",
    "resolved",
    "expired",
    "notice",
    "summary",
    "overflow",
    "digest",
    "meta",
    "test",
)


@click.command(short_help="Show what messages look like.")
@config_option
@click.option("--destination", help="Only this destination [default: all].")
@click.option("--kind", type=click.Choice(_KINDS), help="What to tell [default: firing; as HTML, all kinds].")
@click.option("--sent", is_flag=True, help="Print what a chat is sent, and not how that reads there.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with all messages here.")
@click.option("--open", "is_opened", is_flag=True, help="Look at that page in the browser.")
def render(
    config: Path | None, destination: str | None, kind: str | None, sent: bool, html: Path | None, is_opened: bool
) -> None:
    """Show what a sample alert looks like at each destination. Nothing is sent."""
    from kwatch.cli.channels import ways
    from kwatch.model.notifications import NotificationKind

    found = ways(config, destination)
    if html is None and not is_opened:
        _print(found, NotificationKind(kind or "firing"), is_sent=sent)
        return
    page = _written(html, found, [NotificationKind(kind)] if kind else NotificationKind)
    if is_opened:
        click.launch(page.absolute().as_uri())


def _print(ways: Iterable["Way"], kind: "NotificationKind", *, is_sent: bool) -> None:
    """Print each message: of a chat how it reads, unless what is sent is asked for."""
    from kwatch.cli.preview import text_of
    from kwatch.model.notifications import Thread
    from kwatch.notify.channels.stdout import wrapped
    from kwatch.notify.chat import Chat
    from kwatch.notify.markup import PLAIN, whole_text
    from kwatch.telemetry import strip_controls

    for way in ways:
        sample = way.sample(kind)
        message = way.channel.render(sample, Thread(), degraded=False)
        page = way.channel.page(sample) if isinstance(way.channel, Chat) and not is_sent else None
        click.secho(f"{way.name} ({way.type})", bold=True)
        if message.fallback_reason:
            click.secho(f"the built-in text is used: {message.fallback_reason}", fg="yellow")
        text = strip_controls(whole_text(page, PLAIN) if page else text_of(message)).rstrip()
        is_fitted = sys.stdout.isatty() and (page is not None or "json" not in message.content_type)
        click.echo(f"{wrapped(text, get_terminal_size().columns) if is_fitted else text}\n")


def _written(html: Path | None, ways: Iterable["Way"], kinds: Iterable["NotificationKind"]) -> Path:
    """Write the page, where no file is named to one that stays until the machine clears such files away."""
    from kwatch.cli.gallery import gallery

    path = html or Path(tempfile.mkstemp(prefix="kwatch-messages-", suffix=".html")[1])
    path.write_text(gallery(ways, kinds), "utf-8")
    click.echo(f"wrote {path}")
    return path
