"""`ert-deploy down`: remove all instances."""

from __future__ import annotations

import click

from ert_deploy.app import lifecycle
from ert_deploy.app.attention import needs_attention
from ert_deploy.app.outcome import Outcome
from ert_deploy.cli.consent import Consent, asked, consent_options
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.desired import Phase


@click.command("down")
@config_option
@json_option
@consent_options
@click.option("--now", is_flag=True, help="Destroy billing instances first, and update the app afterwards.")
def command(config: str | None, as_json: bool, consent: Consent, now: bool) -> None:
    """Destroy all instances of the deployment; nothing bills any more.

    The app is updated first and active requests may finish, then every instance is deleted and checked to be absent. If
    the app cannot be updated, the instances are deleted anyway and the exit code is 5. The exit code is also 5 if a
    marked instance has no certain owner: it is named, but not changed.

    A state that cannot be read or written is no obstacle: the instances are found by `label` and environment, and the
    exit code is 5, with the changes that could not be stored. If no state exists, an instance may still appear: the
    command waits for it, and with --now prints until when.
    """
    agreed = asked(config, Phase.ABSENT, consent, now=now)
    with interruptible(), named_in_json(as_json), make_view() as view:
        outcome = lifecycle.down(agreed, plan=consent.plan, now=now, progress=view, check=False)
    if as_json:
        emit_json(outcome_document(outcome))
    elif not outcome.unknown_until:
        click.echo(_claim(outcome))
    if left := needs_attention(outcome):
        raise left


def _claim(outcome: Outcome) -> str:
    if not outcome.listed:
        return f"{outcome.deployment} is down: no app uses a backend, and the state names no instance"
    if outcome.undecided:
        return f"{outcome.deployment}: no known instance of it exists any more"
    return f"{outcome.deployment} is down: no instance of it exists" + ("" if outcome.changed else " (nor did any)")
