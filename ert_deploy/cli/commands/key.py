"""`ert-deploy key`: look after the API key between the apps and the backend. No key is ever shown."""

from __future__ import annotations

import click

from ert_deploy.cli.attention import doubtful, named_in_json
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.outcome import Outcome
from ert_deploy.cli.running import change_key


@click.group("key")
def command() -> None:
    """Look after the API key between the apps and the backend.

    Keys are named by the first 8 hex digits of their SHA-256, as in the backend's own log.
    """


@command.command("rotate")
@config_option
@json_option
def rotate(config: str | None, as_json: bool) -> None:
    """Change the key while the backend serves: no new instance, and no request is refused.

    The backend takes a new key besides the old one, every app is moved over and has to prove it, and when requests
    with the old key are over, the backend takes the new one alone. A run that was cut off leaves apps that work; `up`
    puts the keys in order, and another `key rotate` changes them again.
    """
    with interruptible(), named_in_json(as_json):
        outcome, before, after = change_key(config)
    if as_json:
        emit_json({**outcome.as_dict(), "key": {"before": before, "after": after}})
    else:
        _show(outcome, before, after)
    if left := doubtful(outcome):
        raise left


def _show(outcome: Outcome, before: str, after: str) -> None:
    click.echo(f"{outcome.deployment} has a new key")
    for backend in outcome.backends:
        click.echo(f"  backend   {backend['url']}  instance {backend['instance']} takes key {after} and no other")
    for service in outcome.services:
        click.echo(f"  app       {service['url']}  {service['name']} shows fingerprint {service['fingerprint']}")
    click.echo(f"  before    key {before} opens nothing any more")
