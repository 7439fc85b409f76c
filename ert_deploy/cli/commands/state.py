"""`ert-deploy state`: look after the stored state and its lock. Only `rebuild` talks to a provider."""

from __future__ import annotations

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
from ert_deploy.core.model.errors import Damaged, UsageError
from ert_deploy.core.model.stored import LockHolder

if TYPE_CHECKING:
    from ert_deploy.core.planning.marks import Ownership
    from ert_deploy.wiring import House

MINUTE = 60.0


@click.group("state")
def command() -> None:
    """Look after the deployment's stored state and its lock.

    The state is a file or an object in S3, as `state` in the config says. It holds no secret.
    """


@command.command("show")
@config_option
@json_option
def show(config: str | None, as_json: bool) -> None:
    """Show what is stored and who holds the lock."""
    from ert_deploy.core.model.plain.state import to_json
    from ert_deploy.wiring import keeper

    store = keeper(config)
    state, holder = store.load(), store.holder()
    if as_json:
        emit_json({"where": store.where, "lock": _plain(holder), "state": to_json(state)})
        return
    click.echo(f"{state.deployment}: generation {state.generation} in {store.where}")
    click.echo(f"  lock       {_spoken(holder) or 'free'}")
    for record in state.records:
        told = "the app was told" if record.published else "no app was told"
        click.echo(f"  instance   {record.id} on machine {record.machine_id}, {told}")
    for intent in state.intents:
        click.echo(f"  create     {intent.token[:8]} on offer {intent.offer_id}, outcome not known yet")
    for tombstone in state.tombstones:
        click.echo(f"  to be gone {tombstone.id}: {tombstone.reason}")
    for number in state.claims.adopted:
        click.echo(f"  adopted    {number}")
    for number in state.claims.ignored:
        click.echo(f"  ignored    {number}")
    for denied in state.denied:
        click.echo(f"  avoided    machine {denied.machine_id}: {denied.reason}")


@command.command("lock")
@config_option
@json_option
@click.option("--minutes", type=click.IntRange(1, 7 * 24 * 60), default=60, show_default=True, help="For how long.")
def lock(config: str | None, as_json: bool, minutes: int) -> None:
    """Keep everybody's runs out for a while, such as during an inquiry. Exit code 3 when a run holds the lock."""
    from ert_deploy.wiring import keeper

    store = keeper(config)
    holder = store.hold(new_run_id(), minutes * MINUTE)
    if as_json:
        emit_json({"where": store.where, "lock": _plain(holder)})
    else:
        click.echo(f"{store.where} is locked, {_spoken(holder)}; `ert-deploy state unlock` ends it")


@command.command("unlock")
@config_option
@json_option
@yes_option
def unlock(config: str | None, as_json: bool, yes: bool) -> None:
    """Take the lock away from whoever holds it. No run can do harm by that: every write is conditional."""
    from ert_deploy.wiring import keeper

    store = keeper(config)
    holder = store.holder()
    ended = None
    if holder is not None and confirmed(f"take the lock away, {_spoken(holder)}?", yes=yes):
        ended = store.unlock()
    if as_json:
        emit_json({"where": store.where, "ended": _plain(ended)})
    elif holder is None:
        click.echo(f"{store.where} is not locked")
    else:
        click.echo(f"the lock is free, it was {_spoken(ended)}" if ended else "nothing was done")


@command.command("history")
@config_option
@json_option
def history(config: str | None, as_json: bool) -> None:
    """List the stored versions, newest first. A file keeps none but those that were set aside."""
    from ert_deploy.adapters.state.document import moment
    from ert_deploy.wiring import keeper

    store = keeper(config)
    versions = store.history()
    if as_json:
        rows = [{"id": v.id, "at": v.at, "bytes": v.size, "kind": v.kind} for v in versions]
        emit_json({"where": store.where, "versions": rows})
        return
    for v in versions:
        click.echo(f"{moment(v.at)}  {v.size:7d} bytes  {v.kind:9}  {v.id}")
    if not versions:
        click.echo(f"nothing is stored in {store.where}")


@command.command("sign")
@config_option
@json_option
@yes_option
@click.option("--remove", is_flag=True, help="Write it without a signature again.")
def sign(config: str | None, as_json: bool, yes: bool, remove: bool) -> None:
    """Sign the stored state with the key in ERT_STATE_KEY, for the first time or after a change of keys.

    A state that bears another key's signature is taken only with that key in ERT_STATE_KEY_OLD. One that bears none is
    shown, and you are asked whether it is yours: nothing proves who wrote it. With --remove the key is needed, too.
    """
    from ert_deploy.wiring import keeper

    store = keeper(config, signing=True, remove=remove)
    done, why = False, ""
    with interruptible(), store.lock(new_run_id()):
        try:
            keeper(config).load()
        except Damaged as error:
            why = error.summary
        state = store.load()
        if state.generation and (remove or why):
            known = ", ".join(str(i) for i in sorted({r.id for r in state.records} | {t.id for t in state.tombstones}))
            about = f"generation {state.generation}, instances {known or 'none'}, {len(state.intents)} create calls"
            question = "write it without a signature?" if remove else "sign it?"
            if confirmed(f"{why or store.where}\n{about}: {question}", yes=yes):
                store.save(state)
                done = True
    if as_json:
        emit_json({"where": store.where, "signed": not remove, "changed": done})
    elif done:
        click.echo(f"{store.where} is {'no longer signed' if remove else 'signed'}")
    elif not state.generation:
        click.echo(f"nothing is stored in {store.where}")
    else:
        click.echo("nothing was done" if why or remove else f"{store.where} is signed with this key already")


@command.command("rebuild")
@config_option
@json_option
def rebuild(config: str | None, as_json: bool) -> None:
    """Move a damaged state aside and write a new one from the marks of the instances that exist.

    Nothing is deleted. A state that is whole, newer, or another deployment's is left as it is. Exit code 5, and no
    change, when the instances cannot be listed; so it is when one of them bears a mark of ours and nobody can say
    whose it is: that one is left out.
    """
    from ert_deploy.cli.running import sandbox_runs
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.core.planning.adoption import rebuilt
    from ert_deploy.wiring import assemble, keeper

    if not sandbox_runs(config):
        raise UsageError("the sandbox is not running, so there is nothing to list", hint="`ert-deploy sandbox start`")
    store = keeper(config)
    with interruptible(), make_view() as view:
        house = assemble(config, view, start_sandbox=False, web=False)
        with store.lock(new_run_id()):
            placed = _placed(house)
            aside, whole = "", None
            try:
                whole = store.load()
            except Damaged as error:
                view.note(error.summary)
                aside = store.set_aside()
            state = whole
            if state is None or state.generation == 0:
                state = store.save(rebuilt(house.desired.deployment, placed.ours, house.ports.clock.now()))
    done = {"where": store.where, "set_aside": aside, "rebuilt": state is not whole}
    doubts = tuple((u.instance.id, u.why) for u in placed.undecided) if state is not whole else ()
    if as_json:
        others = (i.id for i in placed.others)
        emit_json({**done, "instances": [r.id for r in state.records]} | attention(doubts, others))
    elif state is whole:
        click.echo(f"{store.where} is whole (generation {state.generation}); nothing was done")
    else:
        moved = f"; what was there is in {aside}" if aside else ""
        click.echo(f"{store.where} now knows {len(state.records)} instances by their marks{moved}")
    if left := undecided(doubts):
        raise left


def _placed(house: House) -> Ownership:
    """Whose every listed instance is as far as it can be said without a state and without asking Render."""
    from ert_deploy.core.model.state import State
    from ert_deploy.core.planning.marks import sort_out

    desired = house.desired
    return sort_out(desired, house.ports.gpu.list_instances(), State(desired.deployment), desired.services)


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


def _spoken(holder: LockHolder | None) -> str:
    from ert_deploy.adapters.state.document import spoken

    return spoken(holder)
