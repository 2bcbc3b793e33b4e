"""`kwatch render`: what messages look like, without sending any."""

from pathlib import Path

import click

from kwatch.cli.options import config_option

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
@click.option("--kind", type=click.Choice(_KINDS), default="firing", show_default=True, help="What to tell.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the HTML part of a mail here.")
def render(config: Path | None, destination: str | None, kind: str, html: Path | None) -> None:
    """Show what a sample alert looks like at each destination. Nothing is sent."""
    from kwatch.cli.channels import ways
    from kwatch.cli.preview import html_of, text_of
    from kwatch.model.notifications import NotificationKind, Thread
    from kwatch.telemetry import strip_controls

    pages = []
    for way in ways(config, destination):
        message = way.channel.render(way.sample(NotificationKind(kind)), Thread(), degraded=False)
        click.secho(f"{way.name} ({way.type})", bold=True)
        if message.fallback_reason:
            click.secho(f"the built-in text is used: {message.fallback_reason}", fg="yellow")
        click.echo(f"{strip_controls(text_of(message)).rstrip()}\n")
        pages.append(html_of(message))
    if html:
        _write(html, pages)


def _write(html: Path, pages: list[str]) -> None:
    page = next(filter(None, pages), None)
    if page is None:
        raise click.ClickException("no message has an HTML part; name a mail destination")
    html.write_text(page, "utf-8")
    click.echo(f"wrote {html}")
