"""`ert-deploy key`: maintenance of the API key between the apps and the backend. No key is ever printed."""

from __future__ import annotations

import click

from ert_deploy.app import rotate as app
from ert_deploy.app.attention import doubtful
from ert_deploy.app.rotate import Rotation
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view


@click.group("key")
def command() -> None:
    """Manage the API key between the apps and the backend.

    Keys are printed as the first 8 hex digits of their SHA-256, as in the backend's own log.
    """


@command.command("rotate")
@config_option
@json_option
def rotate(config: str | None, as_json: bool) -> None:
    """Change the key during operation: no new instance is rented, and no request fails.

    A new key is added to the backend, every app is updated and checked, and after the requests with the old key have
    finished, the old key is removed. After an interruption the apps still work; `up` completes the change, and another
    `key rotate` changes the key again.
    """
    with interruptible(), named_in_json(as_json), make_view() as view:
        done = app.rotate(config, progress=view, check=False)
    if as_json:
        emit_json({**outcome_document(done.outcome), "key": {"before": done.before, "after": done.after}})
    else:
        _show(done)
    if left := doubtful(done.outcome):
        raise left


def _show(done: Rotation) -> None:
    outcome = done.outcome
    click.echo(f"{outcome.deployment} has a new key")
    for backend in outcome.backends:
        click.echo(f"  backend   {backend.url}  instance {backend.instance} takes key {done.after} and no other")
    for service in outcome.services:
        click.echo(f"  app       {service.url}  {service.name} shows fingerprint {service.fingerprint}")
    click.echo(f"  before    key {done.before} is no longer valid")
