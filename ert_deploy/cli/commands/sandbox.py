"""`ert-deploy sandbox`: control of the loopback world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ert_deploy.app import sandbox
from ert_deploy.cli.groups import Group
from ert_deploy.cli.options import config_option, confirmed, emit_json, json_option, yes_option
from ert_deploy.cli.rows import row

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HOUR = 3600.0


@click.group("sandbox", cls=Group)
def command() -> None:
    """Start, stop, inspect or break the sandbox on loopback.

    It implements the wire formats of Vast.ai and Render, runs the backend and the dashboard as real processes with a
    real small model, and calculates a bill. Nothing in it costs money.
    """


@command.command("start")
@click.option("--app", metavar="DIR", help="Run the app in this folder as the config's service, not the dashboard.")
@click.option("--build", metavar="COMMAND", help="Its build command. Default: that of render.yaml, or pip install.")
@click.option("--start", "run", metavar="COMMAND", help="Its start command. Default: render.yaml, Procfile, gunicorn.")
@click.option("--health", metavar="PATH", help="Its health check path. Default: that of render.yaml, or any port.")
@click.option("--instances", type=click.IntRange(1, 10), help="How many of it run. Default: render.yaml, or 1.")
@click.option("--toy", is_flag=True, help="A toy model, which writes nonsense: a backend boots in a second.")
@config_option
@json_option
def start(
    *,
    app: str | None,
    build: str | None,
    run: str | None,
    health: str | None,
    instances: int | None,
    toy: bool,
    config: str | None,
    as_json: bool,
) -> None:
    """Start it, or show where it is running.

    With `--app` its build and start commands are run by bash in DIR, with this Python first on PATH and with loopback
    only; docs/sandbox.md says more.
    """
    world = sandbox.start(config, app=app, build=build, command=run, health=health, instances=instances, toy=toy)
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
    """Stop it and all processes in it, and show the bill."""
    bill = sandbox.stop(config)
    if as_json:
        emit_json(bill)
    else:
        show_bill(bill)


@command.command("status")
@config_option
@json_option
def status(config: str | None, as_json: bool) -> None:
    """Show the running instances and the current bill."""
    found = sandbox.status(config)
    if as_json:
        emit_json(found or {"running": False})
    elif found is None:
        click.echo("the sandbox is not running")
    else:
        count = len(found["machines"])
        click.echo(f"the sandbox is running, {count} {'instance exists' if count == 1 else 'instances exist'}")
        show_bill(found["bill"])


def _complete_kinds(_context: click.Context, _parameter: click.Parameter, begin: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from ert_deploy.app.assist.completion import trouble_kinds

    return [CompletionItem(name, help=effect) for name, effect in trouble_kinds(begin)]


def _complete_fields(context: click.Context, _parameter: click.Parameter, begin: str) -> list[str]:
    from ert_deploy.app.assist.completion import trouble_fields

    # Click leaves the arguments unparsed while an option before them has no value yet.
    kind = context.params.get("kind") or next(iter(context.args), "")
    return list(trouble_fields(kind, begin))


@command.command("break")
@click.argument("kind", required=False, shell_complete=_complete_kinds)
@click.option("--off", is_flag=True, help="End this kind of trouble.")
@click.option(
    "--set",
    "fields",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=_complete_fields,
    help="A field of the kind; JSON or text.",
)
@config_option
@json_option
def break_(kind: str | None, off: bool, fields: tuple[str, ...], config: str | None, as_json: bool) -> None:
    """Give the running sandbox trouble of one KIND; without KIND, list them and what is on.

    The GPU or host that is taken away is that of each rented instance; `--set offer_id=N` or `--set machine_id=N`
    names another.
    """
    if kind is None:
        if off or fields:
            raise click.UsageError("name the kind; without options, `ert-deploy sandbox break` lists them")
        found = sandbox.troubles(config)
        if as_json:
            emit_json({"kinds": found})
        else:
            _show_kinds(found)
        return
    if off and fields:
        raise click.UsageError("--off ends the kind and takes no --set")
    limited_to = sandbox.switch_trouble(kind, dict(map(_field, fields)), off=off, config=config)
    if as_json:
        emit_json({"kind": kind, "off": off, "instances": limited_to})
        return
    where = f", for instance {', '.join(map(str, limited_to))}" if limited_to else ""
    click.echo(f"{kind} is off" if off else f"{kind}: done{where}")


def _field(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--set {text!r}: write NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _show_kinds(found: list[dict[str, Any]]) -> None:
    width = max(len(one["name"]) for one in found)
    for one in found:
        label = f"  {one['name']:{width}}  {'on ' if one['on'] else '   '}  "
        row(f"{label}{one['effect'].replace('`', '')}", indent=len(label))
    count = sum(one["on"] for one in found)
    click.echo(f"{len(found)} kinds of trouble, {count} on")


@command.command("record")
@click.option(
    "--out", default="recording.json", show_default=True, metavar="FILE", help="Where to keep it; a new file."
)
@config_option
@yes_option
def record(out: str, config: str | None, yes: bool) -> None:
    """Record what Vast.ai and Render answer for your account, without secrets.

    It only reads: account, instances, five offers, one service with its deploys, events and instances; no variables.
    Keys, addresses, ids, names and texts are replaced. The whole recording is printed first; it is kept if you agree,
    and sent nowhere. With a sandbox config it records the sandbox.
    """
    text = sandbox.record(config)
    click.echo(text, nl=False)
    if confirmed(f"Keep this as {out}?", yes=yes):
        sandbox.keep_recording(text, Path(out))
        click.echo(f"kept as {out}", err=True)


def show_bill(bill: dict[str, Any]) -> None:
    """Show the bill as a table, followed by the running instances."""
    click.echo("bill (charges of Vast.ai in provider time)")
    click.echo("  instance  gpu               gpu hours       gpu      disk  download     total")
    for one in bill["rows"]:
        click.echo(
            f"  {one['instance_id']:8d}  {one['gpu_name'][:16]:16}  {one['gpu_seconds'] / HOUR:9.3f}  "
            f"${one['gpu_cost']:7.4f}  ${one['storage_cost']:7.4f}  ${one['download_cost']:7.4f}  ${one['total']:7.4f}"
        )
    totals = bill["totals"]
    click.echo(
        f"  {'total':>8}  {'':16}  {'':9}  "
        f"${totals['gpu']:7.4f}  ${totals['storage']:7.4f}  ${totals['download']:7.4f}  ${totals['all']:7.4f}"
    )
    running = bill["running"]
    click.echo(f"still running: {', '.join(map(str, running))}" if running else "nothing running")
