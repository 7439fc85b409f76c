"""`ert-deploy sandbox`: the world on loopback."""

from __future__ import annotations

from typing import Any

import click

from ert_deploy.app import sandbox
from ert_deploy.cli.options import config_option, emit_json, json_option

HOUR = 3600.0


@click.group("sandbox")
def command() -> None:
    """Start, stop or inspect the sandbox on loopback.

    It speaks the wire formats of Vast.ai and Render, runs the backend and the dashboard as real processes with a real
    small model, and keeps a bill. Nothing in it costs money.
    """


@command.command("start")
@config_option
@json_option
def start(config: str | None, as_json: bool) -> None:
    """Start it, or say where it is running."""
    world = sandbox.start(config)
    about = {
        "vast_url": world.vast_url,
        "render_url": world.render_url,
        "app_url": world.app_url,
        "speed": world.speed,
        "model": world.model,
        "pid": world.pid,
    }
    if as_json:
        emit_json(about)
        return
    click.echo(f"the sandbox is running (process {world.pid}, provider time runs {world.speed:g}x)")
    click.echo(f"  Vast.ai   {world.vast_url}\n  Render    {world.render_url}\n  app       {world.app_url}")
    click.echo(f"  model     {world.model}")


@command.command("stop")
@config_option
@json_option
def stop(config: str | None, as_json: bool) -> None:
    """Stop it, end everything it started, and print the bill."""
    bill = sandbox.stop(config)
    if as_json:
        emit_json(bill)
    else:
        show_bill(bill)


@command.command("status")
@config_option
@json_option
def status(config: str | None, as_json: bool) -> None:
    """Show what runs in it and the bill so far."""
    found = sandbox.status(config)
    if as_json:
        emit_json(found or {"running": False})
    elif found is None:
        click.echo("the sandbox is not running")
    else:
        count = len(found["machines"])
        click.echo(f"the sandbox is running, {count} {'instance exists' if count == 1 else 'instances exist'}")
        show_bill(found["bill"])


def show_bill(bill: dict[str, Any]) -> None:
    """The bill as a table, closed by what still runs."""
    click.echo("bill (charges of Vast.ai in provider time)")
    click.echo("  instance  gpu               gpu hours       gpu      disk  download     total")
    for row in bill["rows"]:
        click.echo(
            f"  {row['instance_id']:8d}  {row['gpu_name'][:16]:16}  {row['gpu_seconds'] / HOUR:9.3f}  "
            f"${row['gpu_cost']:7.4f}  ${row['storage_cost']:7.4f}  ${row['download_cost']:7.4f}  ${row['total']:7.4f}"
        )
    totals = bill["totals"]
    click.echo(
        f"  {'total':>8}  {'':16}  {'':9}  "
        f"${totals['gpu']:7.4f}  ${totals['storage']:7.4f}  ${totals['download']:7.4f}  ${totals['all']:7.4f}"
    )
    running = bill["running"]
    click.echo(f"still running: {', '.join(map(str, running))}" if running else "nothing running")
