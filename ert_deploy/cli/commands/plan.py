"""`ert-deploy plan`: what the next run changes, what it costs, and its steps with their reasons."""

from __future__ import annotations

from pathlib import Path

import click

from ert_deploy.app import look
from ert_deploy.app.attention import undecided
from ert_deploy.app.plan_file import write_plan
from ert_deploy.cli.documents import attention
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.lines import symbol
from ert_deploy.cli.view.plan import plan_document, plan_lines
from ert_deploy.cli.view.progress import make_view
from ert_deploy.cli.view.sandbox import say_sandbox
from ert_deploy.core.model.desired import Phase

CHANGES = 4


@click.command("plan")
@config_option
@json_option
@click.option("--down", "phase", flag_value=Phase.ABSENT.value, help="Plan `down` instead of `up`.")
@click.option("--sleep", "phase", flag_value=Phase.ASLEEP.value, help="Plan `sleep` instead of `up`.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something to do.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the plan to a private file, for `up --plan FILE`.",
)
def command(config: str | None, as_json: bool, phase: str | None, exit_code: bool, out: Path | None) -> None:
    """Show the steps of `up` (or `down`, or `sleep`) without executing them.

    First what becomes of each machine and variable: `+` is created, `~` changed in place, `-` removed, and `-/+`
    replaced, with the config keys that force it. Then what the run interrupts, and where one would be rented the best
    offer with its costs and the minutes of each stage until it is healthy; `up` reads the market again. Then every
    step of a run in which nothing goes wrong. No value of a variable is shown. Exit code 5 if a marked instance has no
    certain owner.

    A file of `--out` holds the plan and what it was made from, without secrets: `up --plan FILE` (or `sleep`, `down`)
    does exactly that, or refuses once the config, an instance, an app or the offer is another one.
    """
    with interruptible(), make_view() as view:
        plan = look.plan(config, Phase(phase or Phase.RUNNING), progress=view)
    if out is not None:
        write_plan(out, plan)
    if as_json:
        emit_json(plan_document(plan) | attention(plan.doubts, plan.others))
    else:
        say_sandbox(plan.sandbox)
        for line in plan_lines(plan):
            click.echo(line)
    if left := undecided(plan.doubts):
        raise left
    if exit_code and any(symbol(step).strip() for one in plan.every for step in one.steps):
        raise click.exceptions.Exit(CHANGES)
