"""`ert-deploy reap`: delete marked instances that are not in the state."""

from __future__ import annotations

from typing import Any

import click

from ert_deploy.app import reap as app
from ert_deploy.app.attention import undecided
from ert_deploy.app.reap import Strays
from ert_deploy.cli.documents import attention
from ert_deploy.cli.options import config_option, confirmed, emit_json, interruptible, json_option, yes_option
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import per_hour


@click.command("reap")
@config_option
@json_option
@yes_option
@click.option("--dry-run", is_flag=True, help="List them with their cost without destroying any.")
@click.option("--all-deployments", "every", is_flag=True, help="Those of every deployment on the account.")
@click.option("--state-is-lost", "lost", is_flag=True, help="There was a state and it is gone; needed where none is.")
def command(  # noqa: PLR0917, one parameter per option
    config: str | None, as_json: bool, yes: bool, dry_run: bool, every: bool, lost: bool
) -> None:
    """Destroy instances of the deployment that are in no state.

    For use after the loss of the state, or of the machine of a run. Instances in the state are removed with `down`. If
    no state exists, `--state-is-lost` is required, to prevent the use of a wrong folder or S3 key. An instance with a
    valid identity that is ready is named, but not deleted, and so is one without a certain owner. Another owner's is
    never touched. Exit code 5 if such an instance is named, or if the list cannot be read.
    """
    with interruptible():
        with make_view() as view:
            strays = app.find_strays(config, all_deployments=every, progress=view)
        gone: tuple[InstanceId, ...] = ()
        if strays.instances and not dry_run:
            _show(strays)
            app.must_have_state(strays, state_is_lost=lost)
            question = f"destroy {len(strays.instances)} of them, with all that is on their disks?"
            if not confirmed(question, yes=yes):
                click.echo("nothing was done", err=True)
                return
            with make_view() as view:
                gone = app.reap(strays, state_is_lost=lost, progress=view)
    _say(strays, gone, as_json=as_json, dry_run=dry_run)
    if left := undecided(strays.undecided):
        raise left


def _plain(instance: Instance) -> dict[str, Any]:
    return {
        "instance": instance.id,
        "deployment": instance.mark.deployment if instance.mark else "",
        "gpu": instance.gpu_name,
        "place": instance.geolocation,
        "machine": instance.machine_id,
        "dph": instance.dph,
        "status": instance.status or "provisioning",
        "started": instance.started,
    }


def _show(strays: Strays) -> None:
    for name, one in strays.found.items():
        if one.strays and one.blank:
            click.echo(f"{name}: no state of it is known here, so all of its instances count", err=True)
        for i in one.strays:
            status = i.status or "provisioning"
            click.echo(
                f"  instance {i.id}  {name}  {i.gpu_name}, {i.geolocation}, {status}, {per_hour(i.dph)}", err=True
            )


def _say(strays: Strays, gone: tuple[InstanceId, ...], *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        listed = [_plain(i) for i in strays.instances]
        told = {"strays": listed, "without_state": list(strays.without_state), "destroyed": sorted(gone)}
        emit_json(told | attention(strays.undecided, strays.others))
        return
    count = len(strays.instances)
    if not count:
        click.echo("no strays")
    elif dry_run:
        _show(strays)
        click.echo(f"{count} strays, {per_hour(sum(i.dph for i in strays.instances))}; nothing was done")
    else:
        click.echo(f"{len(gone)} of {count} strays are gone")
    if strays.others:
        click.echo(f"another owner's, not changed: {', '.join(map(str, strays.others))}", err=True)
