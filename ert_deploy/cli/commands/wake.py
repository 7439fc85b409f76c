"""`ert-deploy wake`: start a sleeping backend again."""

from __future__ import annotations

import click

from ert_deploy.app import lifecycle
from ert_deploy.app.attention import needs_attention
from ert_deploy.cli.consent import Consent, asked, consent_options
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.desired import Phase


@click.command("wake")
@config_option
@json_option
@consent_options
def command(config: str | None, as_json: bool, consent: Consent) -> None:
    """Have a sleeping backend serve again, on its old GPU or a new one.

    The stopped instance is started: its disk still has the image and the model. If its GPU was rented by somebody else,
    a new instance is rented, the app is updated, and the old disk is deleted. Nothing is rented if no instance existed
    before.
    """
    agreed = asked(config, Phase.RUNNING, consent, begin=False)
    with interruptible(), named_in_json(as_json), make_view() as view:
        outcome = lifecycle.wake(agreed, plan=consent.plan, progress=view, check=False)
    if as_json:
        emit_json(outcome_document(outcome))
    else:
        show_backend(outcome)
    if left := needs_attention(outcome):
        raise left
