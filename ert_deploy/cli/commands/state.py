"""`ert-deploy state`: maintenance of state and lock. Only `rebuild` calls a provider."""

from __future__ import annotations

from typing import Any

import click

from ert_deploy.app import state as app
from ert_deploy.app.attention import undecided
from ert_deploy.app.state import moment, spoken
from ert_deploy.cli.documents import attention
from ert_deploy.cli.groups import Group
from ert_deploy.cli.options import config_option, confirmed, emit_json, interruptible, json_option, yes_option
from ert_deploy.cli.view.avoided import avoided
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.plain.state import to_json
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder

MINUTE = 60.0


@click.group("state", cls=Group)
def command() -> None:
    """Manage the deployment's stored state and its lock.

    The state is a file or an object in S3, as configured in `state`. It contains no secret.
    """


@command.command("show")
@config_option
@json_option
def show(config: str | None, as_json: bool) -> None:
    """Show the stored state and the owner of the lock."""
    stored = app.show(config)
    state = stored.state
    if as_json:
        emit_json({"where": stored.where, "lock": _plain(stored.holder), "state": to_json(state)})
        return
    click.echo(f"{state.deployment}: generation {state.generation} in {stored.where}")
    click.echo(f"  lock       {spoken(stored.holder, stored.zone) or 'free'}")
    _show(state, stored.zone)
    for part in state.replicas:
        click.echo(f"{part.deployment}:")
        _show(part, stored.zone)


def _show(state: State, zone: str) -> None:
    """Write what the state of one replica has."""
    for record in state.records:
        told = "published to the app" if record.published else "not published"
        click.echo(f"  instance   {record.id} on machine {record.machine_id}, {told}")
    for intent in state.intents:
        click.echo(f"  create     {intent.token[:8]} on offer {intent.offer_id}, outcome not known yet")
    for tombstone in state.tombstones:
        click.echo(f"  to be gone {tombstone.id}: {tombstone.reason}")
    for number in state.claims.adopted:
        click.echo(f"  adopted    {number}")
    for number in state.claims.ignored:
        click.echo(f"  ignored    {number}")
    for line in avoided(state.denied, zone):
        click.echo(line)
    if state.launches:
        worked = sum(one.healthy for one in state.launches)
        rentals = f"{len(state.launches)} rental{'s' if len(state.launches) > 1 else ''}"
        click.echo(f"  learned    from {rentals}, of which {worked} became healthy")


@command.command("lock")
@config_option
@json_option
@click.option("--minutes", type=click.IntRange(1, 7 * 24 * 60), default=60, show_default=True, help="For how long.")
def lock(config: str | None, as_json: bool, minutes: int) -> None:
    """Prevent all runs for a while, for example during an investigation. Exit code 3 if a run holds the lock."""
    done = app.lock(config, seconds=minutes * MINUTE)
    if as_json:
        emit_json({"where": done.where, "lock": _plain(done.holder)})
    else:
        click.echo(f"{done.where} is locked, {spoken(done.holder, done.zone)}; `ert-deploy state unlock` releases it")


@command.command("unlock")
@config_option
@json_option
@yes_option
def unlock(config: str | None, as_json: bool, yes: bool) -> None:
    """Release the lock of any process. This is safe for active runs, as every write is conditional."""
    done = app.unlock(config, confirm=lambda held: confirmed(f"remove the lock, {held}?", yes=yes))
    if as_json:
        emit_json({"where": done.where, "ended": _plain(done.ended)})
    elif done.holder is None:
        click.echo(f"{done.where} is not locked")
    else:
        click.echo(f"the lock is free, it was {spoken(done.ended, done.zone)}" if done.ended else "nothing was done")


@command.command("history")
@config_option
@json_option
def history(config: str | None, as_json: bool) -> None:
    """List the stored versions, newest first. A file store only has the invalid ones that were renamed."""
    found = app.history(config)
    if as_json:
        rows = [{"id": v.id, "at": v.at, "bytes": v.size, "kind": v.kind} for v in found.versions]
        emit_json({"where": found.where, "versions": rows})
        return
    for v in found.versions:
        click.echo(f"{moment(v.at)}  {v.size:7d} bytes  {v.kind:9}  {v.id}")
    if not found.versions:
        click.echo(f"nothing is stored in {found.where}")


@command.command("sign")
@config_option
@json_option
@yes_option
@click.option("--remove", is_flag=True, help="Write it without a signature again.")
def sign(config: str | None, as_json: bool, yes: bool, remove: bool) -> None:
    """Sign the stored state with the key in ERT_STATE_KEY, for the first time or after a change of keys.

    A state with the signature of another key is accepted only with that key in ERT_STATE_KEY_OLD. One without signature
    is printed and needs your approval, as the author is not known. --remove requires the key, too.
    """

    def confirm(why: str, state: State) -> bool:
        parts = (state, *state.replicas)
        ids = {one.id for part in parts for one in part.records} | {one.id for part in parts for one in part.tombstones}
        known = ", ".join(sorted(ids))
        calls = sum(len(part.intents) for part in parts)
        about = f"generation {state.generation}, instances {known or 'none'}, {calls} create calls"
        question = "write it without a signature?" if remove else "sign it?"
        return confirmed(f"{why}\n{about}: {question}", yes=yes)

    with interruptible():
        done = app.sign(config, remove=remove, confirm=confirm)
    if as_json:
        emit_json({"where": done.where, "signed": not remove, "changed": done.changed})
    elif done.changed:
        click.echo(f"{done.where} is {'no longer signed' if remove else 'signed'}")
    elif not done.stored:
        click.echo(f"nothing is stored in {done.where}")
    else:
        click.echo("nothing was done" if done.why or remove else f"{done.where} is signed with this key already")


@command.command("rebuild")
@config_option
@json_option
def rebuild(config: str | None, as_json: bool) -> None:
    """Rename an invalid state and write a new one from the existing marked instances.

    No data is deleted. A state that is valid, newer, or that of another deployment is not changed. Exit code 5 without
    changes if the instances cannot be read. Exit code 5 also if a marked instance has no certain owner: it is omitted.
    """
    with interruptible(), make_view() as view:
        done = app.rebuild(config, progress=view)
    state = done.state
    if as_json:
        about = {"where": done.where, "set_aside": done.set_aside, "rebuilt": done.rebuilt}
        listed = {"instances": [r.id for part in (state, *state.replicas) for r in part.records]}
        emit_json({**about, **listed} | attention(done.undecided, done.others))
    elif not done.rebuilt:
        click.echo(f"{done.where} is whole (generation {state.generation}); nothing was done")
    else:
        moved = f"; the former file is {done.set_aside}" if done.set_aside else ""
        number = sum(len(part.records) for part in (state, *state.replicas))
        click.echo(f"{done.where} now contains {number} instances, found by their marks{moved}")
    if left := undecided(done.undecided):
        raise left


def _plain(holder: LockHolder | None) -> dict[str, Any] | None:
    if holder is None:
        return None
    return {
        "who": holder.who,
        "process": holder.pid,
        "run": holder.run,
        "since": holder.since,
        "expires": holder.expires,
    }
