"""`kwatch explain`: why a rule matches an Event or an object, or why not."""

from pathlib import Path

import click

from kwatch.cli.exits import Exit
from kwatch.cli.options import config_option


@click.command(short_help="Say why rules match an Event or an object, or not.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@config_option
@click.option("--rule", help="Only this rule, also where it does not match.")
@click.option("--all", "shows_all", is_flag=True, help="Also the rules that do not match, with every condition.")
@click.option(
    "--fingerprint", is_flag=True, help="Only what names the alerts: fingerprint, key, the message's pattern."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def explain(
    files: tuple[Path, ...], config: Path | None, rule: str | None, shows_all: bool, fingerprint: bool, as_json: bool
) -> None:
    """Say of an Event or an object what each rule asks for, what it found, and who would be told.

    FILE holds objects as `kubectl get -o yaml` (or json) writes them; `-` is standard input. Where there are Events,
    they are explained, and the other objects are what is known beside them: the Pod, its ReplicaSet.

    The exit code is 0 when a rule matches, 4 when none does.
    """
    import json
    import os

    from kwatch.cli import explaining
    from kwatch.clock import SystemClock
    from kwatch.config.load import load
    from kwatch.model.findings import Truth
    from kwatch.redaction import Redactor, redacted_tree
    from kwatch.telemetry import strip_controls

    loaded = load(config, environ=os.environ)
    if rule and rule not in {each.name for each in loaded.rules}:
        raise click.BadParameter(f"there is no rule {rule!r}; `kwatch check` lists them", param_hint="--rule")
    if not loaded.cluster:
        click.echo(_OTHER_FINGERPRINTS, err=True)
    redactor = Redactor()
    redactor.heed(loaded.redact, ())
    explainer = explaining.Explainer(loaded, explaining.read_documents(files), SystemClock().now())
    found = [explaining.only(each, rule) if rule else each for each in explainer.explained()]
    if as_json:
        reports = redacted_tree([explaining.report(explainer, each) for each in found], redactor.clean)
        click.echo(json.dumps(reports, indent=2, ensure_ascii=False))
    elif fingerprint:
        lines = (line for each in found for line in explaining.fingerprints_of(each))
        click.echo("\n".join(strip_controls(redactor.clean(line)) for line in lines))
    else:
        texts = ["\n".join(explaining.lines_of(explainer, each, shows_all=shows_all or bool(rule))) for each in found]
        click.echo(strip_controls(redactor.clean("\n\n".join(texts))))
    is_match = any(verdict.truth is Truth.TRUE for each in found for verdict in each.verdicts)
    click.get_current_context().exit(0 if is_match else Exit.NO_MATCH)


_OTHER_FINGERPRINTS = (
    "the configuration names no cluster, so the running kwatch, which takes the name of its kubeconfig's context, "
    "has other fingerprints: write `cluster:` to have the same"
)
