"""`ert-deploy plan`: the steps of the next run, with their reasons."""

from __future__ import annotations

from typing import Any

import click

from ert_deploy.app import look
from ert_deploy.app.attention import undecided
from ert_deploy.app.look import Plan
from ert_deploy.cli.documents import attention
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.lines import symbol, verb
from ert_deploy.cli.view.offer import offer_document, offer_lines
from ert_deploy.cli.view.progress import make_view
from ert_deploy.cli.view.sandbox import mark_sandbox
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.steps import Step

CHANGES = 4


@click.command("plan")
@config_option
@json_option
@click.option("--down", "phase", flag_value=Phase.ABSENT.value, help="Plan `down` instead of `up`.")
@click.option("--sleep", "phase", flag_value=Phase.ASLEEP.value, help="Plan `sleep` instead of `up`.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something to do.")
def command(config: str | None, as_json: bool, phase: str | None, exit_code: bool) -> None:
    """Show the steps of `up` (or `down`, or `sleep`) without executing them.

    The first steps follow from the actual state; all later ones are a forecast, updated after every step. Exit code 5
    if a marked instance has no certain owner. Where one would be rented, the best offer is shown with its costs and the
    minutes of each stage until it is healthy; `up` reads the market again.
    """
    with interruptible(), make_view() as view:
        plan = look.plan(config, Phase(phase or Phase.RUNNING), progress=view)
    if as_json:
        said = [{"what": f.what, "hint": f.hint, "stops": f.stops} for f in plan.findings]
        chosen = {"offer": offer_document(plan.offer) if plan.offer else None, "matching": plan.matching}
        emit_json(
            {"deployment": plan.deployment, "steps": [_plain(s) for s in plan.steps], "findings": said}
            | {**chosen, "hours": plan.hours, "sandbox": plan.sandbox}
            | attention(plan.undecided, plan.others)
        )
    else:
        _show(plan)
    if left := undecided(plan.undecided):
        raise left
    if exit_code and plan.steps:
        raise click.exceptions.Exit(CHANGES)


def _plain(step: Step) -> dict[str, Any]:
    return {"step": type(step).__name__, "symbol": symbol(step), "what": verb(step), "why": step.reason}


def _show(plan: Plan) -> None:
    mark_sandbox(plan.sandbox)
    click.echo(f"{plan.deployment}: {len(plan.steps)} steps" if plan.steps else f"{plan.deployment}: nothing to do")
    for step in plan.steps:
        click.echo(f"  {symbol(step)} {verb(step)}  ({step.reason})")
    if plan.offer is not None:
        click.echo(f"the best of {plan.matching} offers that match:")
        for line in offer_lines(plan.offer, plan.hours):
            click.echo(line)
    for number in plan.others:
        click.echo(f"  ! instance {number} is another owner's and is not changed")
    for finding in plan.findings:
        click.echo(f"  ! {'up would fail: ' if finding.stops else ''}{finding.what} ({finding.hint})")
