"""`ert-deploy up`: rent a GPU, boot the backend, and move the app over to it."""

from __future__ import annotations

import click

from ert_deploy.app import lifecycle
from ert_deploy.app.attention import needs_attention
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.cli.view.progress import make_view


@click.command("up")
@config_option
@json_option
def command(config: str | None, as_json: bool) -> None:
    """Rent a GPU, boot the backend, and move the app over to it.

    Running it again changes nothing, or goes on where an earlier run was stopped. It ends when the running app has
    proven that it uses the new backend. A backend that serves is destroyed only after its replacement serves: where
    none can be rented it keeps serving, and the exit code is 5. So it is when an instance bears a mark of ours and
    nobody can say whose it is: it is named, not touched, and nothing is rented while it may be ours.
    """
    with interruptible(), named_in_json(as_json), make_view() as view:
        outcome = lifecycle.up(config, progress=view, check=False)
    if as_json:
        emit_json(outcome_document(outcome))
    else:
        show_backend(outcome)
    if left := needs_attention(outcome):
        raise left
