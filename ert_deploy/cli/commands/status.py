"""`ert-deploy status`: the running instances, their price, and the settings of the app."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from ert_deploy.app import look
from ert_deploy.app.attention import undecided
from ert_deploy.app.look import Status
from ert_deploy.app.outcome import Backend
from ert_deploy.cli.documents import attention, services_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.avoided import avoided, avoided_document
from ert_deploy.cli.view.progress import make_view
from ert_deploy.cli.view.sandbox import mark_sandbox
from ert_deploy.core.model.text import per_hour

OFF_SWITCH = {
    "refused": "the provider denies its off-switch: it cannot stop itself, use `sleep` or `down`",
    "unknown": "its off-switch is unconfirmed: the provider has neither accepted nor rejected its key",
}


@click.command("status")
@config_option
@json_option
def command(config: str | None, as_json: bool) -> None:
    """Show running instances, their cost, and the app's configuration.

    Reads the providers, not only the state, so that only existing instances are listed. Exit code 5 if a provider
    cannot be read, or if a marked instance has no certain owner.
    """
    with interruptible(), make_view() as view:
        found = look.status(config, progress=view)
    if found.sandbox_stopped:
        if as_json:
            emit_json({"deployment": found.deployment, "backends": [], "services": [], "sandbox": "stopped"})
        else:
            click.echo(f"{found.deployment}: the sandbox is not running, so no instance is")
        return
    if as_json:
        emit_json(_plain(found))
    else:
        _show(found)
    if left := undecided(found.undecided):
        raise left


def _plain(found: Status) -> dict[str, Any]:
    return {
        "deployment": found.deployment,
        "backends": [{**asdict(b), "spent": b.spent(found.now)} for b in found.backends],
        "services": services_document(found.services),
        **attention(found.undecided, found.others),
        "unsettled_creates": found.unsettled_creates,
        "to_be_destroyed": list(found.to_be_destroyed),
        "denied_machines": list(found.denied_machines),
        "denied": avoided_document(found.denied),
        **({"sandbox": "running"} if found.sandbox else {}),
    }


def _in_a_word(found: Sequence[Backend], *, doubts: bool) -> str:
    if not found:
        return "no known instance of it is running" if doubts else "nothing is running"
    return "asleep" if all(b.asleep for b in found) else "running"


def _show(found: Status) -> None:
    mark_sandbox(found.sandbox)
    click.echo(f"{found.deployment}: {_in_a_word(found.backends, doubts=bool(found.undecided))}")
    for backend in found.backends:
        _show_backend(backend, backend.spent(found.now))
    for app in found.services:
        shown = app.fingerprint or "none (the app uses no backend of this deployment, or does not respond)"
        click.echo(f"  app       {app.url}  {app.name}, fingerprint {shown}")
    for title, numbers in (
        ("with an unknown owner, to be decided", [number for number, _ in found.undecided]),
        ("another owner's, not included and not changed", found.others),
        ("to be destroyed", found.to_be_destroyed),
    ):
        if numbers:
            click.echo(f"  {title}: {', '.join(map(str, numbers))}")
    for line in avoided(found.denied):
        click.echo(line)
    if found.unsettled_creates:
        click.echo(f"  create calls with unknown outcome: {found.unsettled_creates}")


def _show_backend(b: Backend, spent: float) -> None:
    click.echo(f"  instance  {b.instance}  {b.gpu}, {b.place}, machine {b.machine}, {b.status}")
    costs = f"{per_hour(b.disk_dph)} for its disk" if b.asleep else f"{per_hour(b.dph)} for GPU and disk"
    so_far = f", ${spent:.4f} so far at most" if math.isfinite(spent) else ""
    click.echo(f"  costs     {costs}{so_far}")
    click.echo(f"  backend   {b.url or 'no address yet'}  {b.health}{': ' if b.detail else ''}{b.detail}")
    if b.model:
        click.echo(f"  model     {b.model} on {b.engine}")
    if b.off_switch in OFF_SWITCH:
        click.echo(f"  warning   {OFF_SWITCH[b.off_switch]}")
