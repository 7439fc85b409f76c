"""`ert-deploy sleep`: release the GPU and keep the disk."""

from __future__ import annotations

import click

from ert_deploy.app import lifecycle
from ert_deploy.app.attention import needs_attention
from ert_deploy.app.outcome import Outcome
from ert_deploy.cli.consent import Consent, asked, consent_options
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.rows import row
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.text import per_hour


@click.command("sleep")
@config_option
@json_option
@consent_options
@click.option("--now", is_flag=True, help="Do not wait for reports that are being written.")
def command(config: str | None, as_json: bool, consent: Consent, now: bool) -> None:
    """Stop the GPU and keep its disk; `wake` or `up` starts it again.

    Active reports are finished first. The app keeps its configuration. The disk still costs a little; the GPU returns
    to the market, and may be unavailable later. Exit code 5 if a marked instance has no certain owner: it is named, but
    not changed.
    """
    agreed = asked(config, Phase.ASLEEP, consent, now=now)
    with interruptible(), named_in_json(as_json), make_view() as view:
        outcome = lifecycle.sleep(agreed, plan=consent.plan, now=now, progress=view, check=False)
    if as_json:
        emit_json(outcome_document(outcome))
    else:
        _show(outcome)
    if left := needs_attention(outcome):
        raise left


def _show(outcome: Outcome) -> None:
    if not outcome.backends:
        bills = "" if outcome.undecided else ", and nothing bills"
        click.echo(f"{outcome.deployment}: there is no instance to stop{bills}")
        return
    click.echo(f"{outcome.deployment} is asleep" + ("" if outcome.changed else " (it was already)"))
    for backend in outcome.backends:
        where = f"instance {backend.instance} on machine {backend.machine}"
        row(f"  disk      {per_hour(backend.disk_dph)} for {where}; no GPU bills")
    row("  next      `ert-deploy wake` starts it again, `ert-deploy down` removes the disk too")
