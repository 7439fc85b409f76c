"""`ert-deploy report TICKER`: a report through the app, as users request it."""

from __future__ import annotations

import sys

import click

from ert_deploy.app import report as app
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view


@click.command("report")
@click.argument("ticker")
@config_option
@json_option
@click.option("--excerpt", type=click.IntRange(1), metavar="LINES", help="Print only the first lines of each section.")
def command(ticker: str, config: str | None, as_json: bool, excerpt: int | None) -> None:
    """Request a report on TICKER from the app.

    The request is sent like a user's: to the dashboard, from there over pinned TLS to the GPU, and back.
    """
    with interruptible(), make_view() as view:
        report = app.report(ticker, config, progress=view)
    if as_json:
        emit_json(
            {
                "ticker": report.ticker,
                "report_id": report.report_id,
                "generation_time": report.generation_time,
                "sections": dict(report.sections),
                "metadata": dict(report.metadata),
            }
        )
        return
    for name, text in report.sections.items():
        click.echo(f"## {name.replace('_', ' ').title()}\n")
        lines = text.strip().splitlines()
        click.echo("\n".join(lines[:excerpt] if excerpt else lines))
        click.echo("..." if excerpt and len(lines) > excerpt else "")
    made = f"written by {report.metadata.get('model')} on {report.metadata.get('engine')}"
    click.echo(f"{report.ticker}: {made} in {report.generation_time:.1f} s", file=sys.stderr)
