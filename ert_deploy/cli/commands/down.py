"""`ert-deploy down`: take it all away again."""

from __future__ import annotations

import click

from ert_deploy.app import lifecycle
from ert_deploy.app.attention import needs_attention
from ert_deploy.app.outcome import Outcome
from ert_deploy.cli.documents import outcome_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view


@click.command("down")
@config_option
@json_option
@click.option("--now", is_flag=True, help="Destroy billing instances first, and update the app afterwards.")
def command(config: str | None, as_json: bool, now: bool) -> None:
    """Destroy all instances of the deployment; nothing bills any more.

    The app is told first and requests under way may finish, then every instance of the deployment is destroyed and
    seen gone. When the app cannot be told, the instances go all the same and the exit code is 5. So it is when an
    instance bears a mark of ours and nobody can say whose it is: it is named, not touched.

    A state that cannot be read or written keeps nothing alive: what is ours by its marks is destroyed all the same, and
    the exit code is 5 with what could not be stored. Where there is no state, a create may be under way that nobody
    remembers: it is waited for, and with --now it is said until when it may appear.
    """
    with interruptible(), make_view() as view:
        outcome = lifecycle.down(config, now=now, progress=view, check=False)
    if as_json:
        emit_json(outcome_document(outcome))
    elif not outcome.unknown_until:
        click.echo(_claim(outcome))
    if left := needs_attention(outcome):
        raise left


def _claim(outcome: Outcome) -> str:
    if outcome.undecided:
        return f"{outcome.deployment}: no known instance of it exists any more"
    return f"{outcome.deployment} is down: no instance of it exists" + ("" if outcome.changed else " (nor did any)")
