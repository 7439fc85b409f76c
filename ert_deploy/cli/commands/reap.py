"""`ert-deploy reap`: destroy instances of ours that no state knows."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ert_deploy.cli.attention import undecided
from ert_deploy.cli.options import (
    config_option,
    confirmed,
    emit_json,
    interruptible,
    json_option,
    new_run_id,
    yes_option,
)
from ert_deploy.cli.outcome import attention
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.text import per_hour

if TYPE_CHECKING:
    from ert_deploy.cli.view.progress import View
    from ert_deploy.core.model.desired import Desired
    from ert_deploy.core.model.observed import Instance
    from ert_deploy.engine.reap import Found
    from ert_deploy.wiring import House

SERVES = "it proves that it is ours and serves, and no state here knows it (is its state somewhere else?)"


@click.command("reap")
@config_option
@json_option
@yes_option
@click.option("--dry-run", is_flag=True, help="Show them and what they cost, and do nothing.")
@click.option("--all-deployments", "every", is_flag=True, help="Those of every deployment on the account, not of ours.")
@click.option("--state-is-lost", "lost", is_flag=True, help="There was a state and it is gone; needed where none is.")
def command(  # noqa: PLR0917, one parameter per option
    config: str | None, as_json: bool, yes: bool, dry_run: bool, every: bool, lost: bool
) -> None:
    """Destroy instances of ours that no state knows.

    For when the state was lost, or a machine with a run on it. What the state knows is for `down`. Without a state
    nothing is destroyed unless `--state-is-lost` says that this is no mistake, such as a wrong folder or S3 key. One
    that proves that it is ours and serves is named, not destroyed; so is one that nobody can say whose it is. Another
    owner's is never touched. Exit code 5 when something is named that way, or when the list cannot be read.
    """
    from ert_deploy.cli.running import sandbox_runs
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.wiring import assemble

    if not sandbox_runs(config):
        _say({}, (), as_json=as_json, dry_run=dry_run)
        return
    with interruptible():
        with make_view() as view:
            house = assemble(config, view, start_sandbox=False, web=False)
            found = _find(house, every=every)
        strays = [i for one in found.values() for i in one.strays]
        gone: tuple[int, ...] = ()
        if strays and not dry_run:
            _show(found)
            _must_be_lost(found, lost=lost)
            if not confirmed(f"destroy {len(strays)} of them, with all that is on their disks?", yes=yes):
                click.echo("nothing was done", err=True)
                return
            with make_view() as view:
                gone = _reap(house, found, view)
    _say(found, gone, as_json=as_json, dry_run=dry_run)
    if left := undecided(_doubts(found)):
        raise left


def _must_be_lost(found: dict[str, Found], *, lost: bool) -> None:
    blank = sorted(name for name, one in found.items() if one.blank and one.strays)
    if blank and not lost:
        raise UsageError(
            f"there is no state of {', '.join(blank)} here, so that all its instances would count as strays",
            "the state may be in another folder, on another machine, or under another S3 key; nothing was destroyed",
            "--state-is-lost if it is gone for good; `ert-deploy up` adopts what is there, `down` destroys it",
        )


def _doubts(found: dict[str, Found]) -> tuple[tuple[int, str], ...]:
    serving = ((i.id, SERVES) for one in found.values() for i in one.serving)
    doubtful = ((u.instance.id, u.why) for one in found.values() for u in one.undecided)
    return tuple(sorted({*serving, *doubtful}))


def _find(house: House, *, every: bool) -> dict[str, Found]:
    """The strays by deployment; one look at the account for each."""
    from ert_deploy.engine.reap import find
    from ert_deploy.engine.run import run
    from ert_deploy.wiring import elsewhere

    names = {house.desired.deployment}
    if every:
        names |= {i.mark.deployment for i in house.ports.gpu.list_instances() if i.mark is not None}
    return {name: run(find(_wanted(house, name)), elsewhere(house, name)) for name in sorted(names)}


def _wanted(house: House, name: str) -> Desired:
    """What to look with: of another deployment we know neither targets nor services."""
    if name == house.desired.deployment:
        return house.desired
    return replace(house.desired, deployment=name, targets=(), services=frozenset())


def _reap(house: House, found: dict[str, Found], view: View) -> tuple[int, ...]:
    from ert_deploy.engine.reap import reap
    from ert_deploy.engine.run import run
    from ert_deploy.wiring import elsewhere

    gone: tuple[int, ...] = ()
    with ExitStack() as locks:
        for name, one in found.items():
            if one.strays:
                ports = replace(elsewhere(house, name), audience=view)
                locks.enter_context(ports.store.lock(new_run_id()))
                gone += run(reap(one.strays, house.desired.timings.poll), ports)
    return gone


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


def _show(found: dict[str, Found]) -> None:
    for name, one in found.items():
        if one.strays and one.blank:
            click.echo(f"{name}: no state of it is known here, so all of its instances count", err=True)
        for i in one.strays:
            status = i.status or "provisioning"
            click.echo(
                f"  instance {i.id}  {name}  {i.gpu_name}, {i.geolocation}, {status}, {per_hour(i.dph)}", err=True
            )


def _say(found: dict[str, Found], gone: tuple[int, ...], *, as_json: bool, dry_run: bool) -> None:
    strays = [i for one in found.values() for i in one.strays]
    others = sorted(i.id for one in found.values() for i in one.others)
    if as_json:
        blank = sorted(name for name, one in found.items() if one.blank)
        listed = {"strays": [_plain(i) for i in strays], "without_state": blank, "destroyed": sorted(gone)}
        emit_json(listed | attention(_doubts(found), others))
        return
    if not strays:
        click.echo("no strays")
    elif dry_run:
        _show(found)
        click.echo(f"{len(strays)} strays, {per_hour(sum(i.dph for i in strays))}; nothing was done")
    else:
        click.echo(f"{len(gone)} of {len(strays)} strays are gone")
    if others:
        click.echo(f"another owner's, not touched: {', '.join(map(str, others))}", err=True)
