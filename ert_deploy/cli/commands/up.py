"""`ert-deploy up`: rent a GPU, boot the backend, and move the app over to it."""

from __future__ import annotations

import click

from ert_deploy.app import lifecycle
from ert_deploy.app.attention import needs_attention
from ert_deploy.cli.consent import Consent, asked, consent_options
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.options import Duration, config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.desired import Phase

LONGEST_WAIT = 24 * 3600.0


@click.command("up")
@config_option
@json_option
@consent_options
@click.option(
    "--wait-for-offer",
    type=Duration(LONGEST_WAIT),
    default=0.0,
    metavar="DURATION",
    help="If no offer matches, repeat the search for this long, such as 2h. Nothing above the limits is rented.",
)
def command(config: str | None, as_json: bool, consent: Consent, wait_for_offer: float) -> None:
    """Rent a GPU, boot the backend, and move the app over to it.

    A repeated call changes nothing, or completes an interrupted run. The command ends when the running app has been
    verified to use the new backend. A backend in use is deleted only after its replacement is ready: if none can be
    rented it remains, and the exit code is 5. The exit code is also 5 if a marked instance has no certain owner: it is
    reported, but not changed, and nothing is rented until that is decided.
    """
    agreed = asked(config, Phase.RUNNING, consent)
    with interruptible(), named_in_json(as_json), make_view() as view:
        outcome = lifecycle.up(agreed, plan=consent.plan, wait_for_offer=wait_for_offer, progress=view, check=False)
    if as_json:
        emit_json(outcome_document(outcome))
    else:
        show_backend(outcome)
    if left := needs_attention(outcome):
        raise left
