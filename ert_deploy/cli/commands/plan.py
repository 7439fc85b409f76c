"""`ert-deploy plan`: what would be done, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Phase

CHANGES = 4
SHOWN = 5  # names of variables; an account may have many

if TYPE_CHECKING:
    from ert_deploy.core.planning.situation import Situation
    from ert_deploy.engine.app_proof import Finding
    from ert_deploy.wiring import House


@click.command("plan")
@config_option
@json_option
@click.option("--down", "phase", flag_value=Phase.ABSENT.value, help="Plan `down` instead of `up`.")
@click.option("--sleep", "phase", flag_value=Phase.ASLEEP.value, help="Plan `sleep` instead of `up`.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something to do.")
def command(config: str | None, as_json: bool, phase: str | None, exit_code: bool) -> None:
    """Show what `up` (or `down`, or `sleep`) would do, and do nothing.

    The first steps follow from what is seen now; the rest is a forecast, made again after every step. Exit code 5 when
    an instance bears a mark of ours and nobody can say whose it is.
    """
    from ert_deploy.cli.attention import undecided
    from ert_deploy.cli.outcome import attention
    from ert_deploy.cli.running import in_doubt, look
    from ert_deploy.core.planning.plan import plan
    from ert_deploy.core.planning.situation import Situation
    from ert_deploy.engine.memory import Memory
    from ert_deploy.engine.preflight import findings
    from ert_deploy.engine.run import run

    with interruptible():
        house, seen = look(config)
        desired = replace(house.desired, phase=Phase(phase or Phase.RUNNING))
        if desired.phase is Phase.RUNNING:
            found = (*run(findings(desired, Memory()), house.ports), *_of_the_account(house))
        else:
            found = ()
    situation = Situation(desired, seen.observed, seen.placed)
    todo, doubts = plan(situation), in_doubt(situation)
    if as_json:
        said = [{"what": f.what, "hint": f.hint, "stops": f.stops} for f in found]
        emit_json(
            {"deployment": desired.deployment, "steps": [_plain(s) for s in todo], "findings": said}
            | attention(doubts, (i.id for i in situation.ownership.others))
        )
    else:
        _show(situation, todo)
        for finding in found:
            click.echo(f"  ! {'up would refuse: ' if finding.stops else ''}{finding.what} ({finding.hint})")
    if left := undecided(doubts):
        raise left
    if exit_code and todo:
        raise click.exceptions.Exit(CHANGES)


def _of_the_account(house: House) -> Iterator[Finding]:
    """What the Vast account puts into the container besides what we order."""
    from ert_deploy.core.model.errors import CannotObserve
    from ert_deploy.engine.app_proof import Finding

    try:
        names = house.ports.gpu.account_variables()
        why = "the key may not read them (user_read)"
    except CannotObserve as error:
        names, why = None, error.summary
    if names is None:
        what = "the variables of the Vast.ai account were not looked at, which go into every container"
        yield Finding(what, why, stops=False)
    elif names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield Finding(
            f"the Vast.ai account puts {', '.join(names[:SHOWN])}{more} into every container, also into this one",
            "the machine's host can read them: delete them in the console, or use an account of its own",
            stops=False,
        )


def _plain(step: steps.Step) -> dict[str, Any]:
    from ert_deploy.cli.view.lines import symbol, verb

    return {"step": type(step).__name__, "symbol": symbol(step), "what": verb(step), "why": step.reason}


def _show(situation: Situation, todo: tuple[steps.Step, ...]) -> None:
    from ert_deploy.cli.view.lines import symbol, verb

    deployment = situation.desired.deployment
    if not todo:
        click.echo(f"{deployment}: nothing to do")
    else:
        click.echo(f"{deployment}: {len(todo)} steps")
    for step in todo:
        click.echo(f"  {symbol(step)} {verb(step)}  ({step.reason})")
    for instance in situation.ownership.others:
        click.echo(f"  ! instance {instance.id} is another owner's and is not touched")
