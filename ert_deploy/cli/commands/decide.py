"""`ert-deploy adopt`, `ignore` and `destroy`: user commands for one instance."""

from __future__ import annotations

import click

from ert_deploy.app import decide
from ert_deploy.cli.options import (
    as_id,
    complete_instances,
    config_option,
    confirmed,
    emit_json,
    interruptible,
    json_option,
    yes_option,
)
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId

instance_argument = click.argument("instance_id", metavar="ID", callback=as_id, shell_complete=complete_instances)


@click.command("adopt")
@config_option
@json_option
@yes_option
@instance_argument
def adopt(config: str | None, as_json: bool, yes: bool, instance_id: InstanceId) -> None:
    """Add an existing instance to the deployment's state.

    From then on `up` may use or replace it and `down` deletes it, regardless of its label. The owner and the services
    of this config are stored with it.
    """
    with interruptible(), make_view() as view:
        done = decide.adopt(
            instance_id,
            config,
            confirm=_asking("add {} to the deployment's state?", instance_id, yes=yes),
            progress=view,
        )
    _say(instance_id, "adopted", done, as_json=as_json)


@click.command("ignore")
@config_option
@json_option
@yes_option
@instance_argument
def ignore(config: str | None, as_json: bool, yes: bool, instance_id: InstanceId) -> None:
    """Ignore an instance of another project; it is no longer reported.

    It remains, costs money, and does not affect exit codes. This is stored in the state; without a persistent state,
    use `ignored_instances: [ID]` in the config instead.
    """
    with interruptible(), make_view() as view:
        done = decide.ignore(
            instance_id, config, confirm=_asking("ignore {} although it bills?", instance_id, yes=yes), progress=view
        )
    _say(instance_id, "ignored", done, as_json=as_json)


@click.command("destroy")
@config_option
@json_option
@yes_option
@instance_argument
def destroy(config: str | None, as_json: bool, yes: bool, instance_id: InstanceId) -> None:
    """Destroy an instance and confirm its absence.

    It must be marked or in the state; an instance of another owner has to be adopted first. Apps that use it keep its
    URL until `down`. Exit code 5 if it still exists.
    """
    with interruptible(), make_view() as view:
        done = decide.destroy(
            instance_id,
            config,
            confirm=_asking("destroy {}, with all that is on its disk?", instance_id, yes=yes),
            progress=view,
        )
    _say(instance_id, "destroyed", done, as_json=as_json)


def _asking(question: str, instance_id: InstanceId, *, yes: bool) -> decide.Confirm:
    return lambda instance: confirmed(question.format(_described(instance, instance_id)), yes=yes)


def _described(instance: Instance | None, instance_id: InstanceId) -> str:
    if instance is None:
        return f"instance {instance_id} (not listed)"
    return f"instance {instance.id} ({instance.gpu_name or 'no GPU named'}, ${instance.dph:.4f}/h)"


def _say(instance_id: InstanceId, what: str, done: bool, *, as_json: bool) -> None:
    if as_json:
        emit_json({"instance": instance_id, "decision": what if done else None})
    else:
        click.echo(f"instance {instance_id} is {what}" if done else "nothing was done")
