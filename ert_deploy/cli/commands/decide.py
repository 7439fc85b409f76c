"""`ert-deploy adopt`, `ignore` and `destroy`: a person decides about one instance, so that commands end well again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from ert_deploy.cli.options import (
    config_option,
    confirmed,
    emit_json,
    interruptible,
    json_option,
    new_run_id,
    yes_option,
)
from ert_deploy.core.model.errors import UsageError

if TYPE_CHECKING:
    from ert_deploy.core.model.observed import Instance
    from ert_deploy.core.planning.situation import Situation
    from ert_deploy.engine.effects import Effects
    from ert_deploy.wiring import House

T = TypeVar("T")
instance_argument = click.argument("instance_id", metavar="ID", type=click.IntRange(min=1))


@click.command("adopt")
@config_option
@json_option
@yes_option
@instance_argument
def adopt(config: str | None, as_json: bool, yes: bool, instance_id: int) -> None:
    """Decide that an instance is ours: take it into the state.

    From then on `up` may use or replace it and `down` destroys it, whatever its label says. The owner and the services
    of this config are remembered with it.
    """
    from ert_deploy.engine import decide

    def change(situation: Situation, instance: Instance) -> Effects[None]:
        return decide.adopt(situation, instance)

    done = _listed(config, instance_id, yes=yes, question="take {} into the state as ours?", change=change)
    _say(instance_id, "adopted", done, as_json=as_json)


@click.command("ignore")
@config_option
@json_option
@yes_option
@instance_argument
def ignore(config: str | None, as_json: bool, yes: bool, instance_id: int) -> None:
    """Decide that an instance is not our business; it is named no more.

    It is not touched, it goes on billing, and it changes no exit code. The state remembers it; where no state is kept
    between runs, `ignored_instances: [ID]` in the config does.
    """
    from ert_deploy.engine import decide

    def change(situation: Situation, instance: Instance) -> Effects[None]:
        return decide.ignore(situation, instance)

    done = _listed(config, instance_id, yes=yes, question="ignore {} although it bills?", change=change)
    _say(instance_id, "ignored", done, as_json=as_json)


@click.command("destroy")
@config_option
@json_option
@yes_option
@instance_argument
def destroy(config: str | None, as_json: bool, yes: bool, instance_id: int) -> None:
    """Decide that an instance goes: destroy it and see it gone.

    It must bear a mark of ours or be in the state; another owner's has to be adopted first. An app that uses it keeps
    its address: `down` takes that away too. Exit code 5 when it cannot be seen gone.
    """
    from ert_deploy.engine import decide
    from ert_deploy.engine.run import run

    with interruptible(), _at_work(config) as house:
        situation, instance = run(decide.find(house.desired, instance_id), house.ports)
        about = _described(instance, instance_id)
        done = confirmed(f"destroy {about}, with all that is on its disk?", yes=yes)
        if done:
            run(decide.destroy(situation, instance_id), house.ports)
    _say(instance_id, "destroyed", done, as_json=as_json)


def _listed(
    config: str | None,
    instance_id: int,
    *,
    yes: bool,
    question: str,
    change: Callable[[Situation, Instance], Effects[None]],
) -> bool:
    """Carry out a change about one listed instance, once it is confirmed; whether it was."""
    from ert_deploy.engine import decide
    from ert_deploy.engine.run import run

    with interruptible(), _at_work(config) as house:
        situation, instance = run(decide.find(house.desired, instance_id), house.ports)
        if instance is None:
            raise UsageError(
                f"instance {instance_id} is in the state and not on this account",
                hint=f"`ert-deploy destroy {instance_id}` sees it gone and forgets it",
            )
        if not confirmed(question.format(_described(instance, instance_id)), yes=yes):
            return False
        run(change(situation, instance), house.ports)
    return True


@contextmanager
def _at_work(config: str | None) -> Iterator[House]:
    from ert_deploy.cli.running import sandbox_runs
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.wiring import assemble

    if not sandbox_runs(config):
        raise UsageError("the sandbox is not running, so there is no instance", hint="`ert-deploy sandbox start`")
    with make_view() as view:
        house = assemble(config, view, start_sandbox=False)
        with house.ports.store.lock(new_run_id()):
            yield house


def _described(instance: Instance | None, instance_id: int) -> str:
    if instance is None:
        return f"instance {instance_id} (not listed)"
    return f"instance {instance.id} ({instance.gpu_name or 'no GPU named'}, ${instance.dph:.4f}/h)"


def _say(instance_id: int, what: str, done: bool, *, as_json: bool) -> None:
    if as_json:
        emit_json({"instance": instance_id, "decision": what if done else None})
    else:
        click.echo(f"instance {instance_id} is {what}" if done else "nothing was done")
