"""`kwatch run`: watch, decide, tell, until a signal."""

from pathlib import Path

import click

from kwatch.cli.options import config_option


@click.command(short_help="Watch the cluster and tell what is wrong.")
@config_option
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The kubeconfig [default: in a cluster its service account, else $KUBECONFIG, else ~/.kube/config].",
)
@click.option("--context", "cluster_context", help="The context of the kubeconfig [default: its current one].")
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), help="The state folder [default: ./kwatch-state]."
)
@click.option("--anew", is_flag=True, help="Where the state is damaged, put it aside and begin anew.")
@click.option("--demo", is_flag=True, help="Watch the embedded demo cluster, whatever the kubeconfig says.")
@click.pass_context
def run(
    context: click.Context,
    config: Path | None,
    kubeconfig: Path | None,
    cluster_context: str | None,
    state: Path | None,
    anew: bool,
    demo: bool,
) -> None:
    """Watch the cluster and tell what is wrong, until SIGTERM or Ctrl-C.

    Without a configuration the built-in rules report to this terminal. Where no cluster is configured, an embedded
    demo cluster is watched.
    """
    import asyncio
    import sys

    # httpx 0.28 imports its own command line where it can, and with it rich and pygments: 2 MB for nothing.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # Python's own mark of "not to be had"

    from kwatch.cli.running import RunOptions, run_until_signal

    options = RunOptions(
        config=config,
        kubeconfig=kubeconfig,
        context=cluster_context,
        state=state,
        demo=demo,
        anew=anew,
    )
    asyncio.run(run_until_signal(options))
