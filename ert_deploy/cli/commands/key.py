"""`ert-deploy key`: maintenance of the API key between the apps and the backend. Only `generate` writes one."""

from __future__ import annotations

import os
import sys

import click

from ert_deploy.app import rotate as app
from ert_deploy.app.attention import doubtful
from ert_deploy.app.rotate import Rotation
from ert_deploy.app.running import keys as known
from ert_deploy.app.running import provider_key
from ert_deploy.cli.documents import named_in_json, outcome_document
from ert_deploy.cli.groups import Group
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.rows import HANGING, row
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.secret import Secret
from ert_deploy.keys import generate as new_key
from ert_deploy.keys import text_of


@click.group("key", cls=Group)
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


@command.command("generate")
def generate() -> None:
    """Write a new API key and its SHA-256, for a backend that was not deployed by ert-deploy.

    `up` and `key rotate` make their own keys and write none. The same without the command line:
    `python -m ert_deploy.keys`.
    """
    sys.stdout.buffer.write(text_of(new_key()).encode())  # not filtered: this is what was requested
    sys.stdout.buffer.flush()


@command.command("list")
@config_option
@json_option
def list_keys(config: str | None, as_json: bool) -> None:
    """List the keys that each backend accepts: fingerprint, since when, and which app uses it."""
    with interruptible(), make_view() as view:
        found = known.accepted_keys(config, progress=view)
    if as_json:
        rows = [{"instance": k.instance, "key": k.name, "since": k.since or None, "app": k.app} for k in found]
        emit_json({"keys": rows})
        return
    for key in found:
        since = f"since {known.moment(key.since, key.zone)}" if key.since else "since a time that is not known"
        row(f"{key.name}  instance {key.instance}  {since}  {key.app or 'no app'}", indent=HANGING)
    if not found:
        click.echo("no backend accepts a key", err=True)


@command.command("revoke")
@click.argument("fingerprint")
@config_option
@json_option
def revoke(fingerprint: str, config: str | None, as_json: bool) -> None:
    """Make the key with this FINGERPRINT invalid; apps that use it get another one first, as with `key rotate`."""
    with interruptible(), named_in_json(as_json), make_view() as view:
        done = app.revoke(fingerprint, config, progress=view)
    if as_json:
        emit_json({**outcome_document(done.outcome), "key": {"before": done.before, "after": done.after}})
    else:
        _show(done)
    if left := doubtful(done.outcome):
        raise left


@command.command("vast")
@config_option
@json_option
def vast(config: str | None, as_json: bool) -> None:
    """Replace the GPU cloud's key in the file that the config names by one with the least permissions.

    The new key is created, written into the file and tried; then those that this command has made before are deleted.
    VAST_ADMIN_API_KEY, or a prompt, has the key that may do so: it needs user_read and user_write, and is not
    stored.
    """
    admin = None
    if not os.environ.get(provider_key.ADMIN) and sys.stdin.isatty():
        admin = Secret(click.prompt("key that may create keys", hide_input=True, err=True))
    with interruptible(), make_view() as view:
        done = provider_key.replace_provider_key(config, admin=admin, progress=view)
    if as_json:
        emit_json({"file": str(done.file), "key_sha256": done.name, "deleted": list(done.deleted)})
    else:
        click.echo(f"{done.file} has the new key, sha256 {done.name}; {len(done.deleted)} former ones are deleted")


def _show(done: Rotation) -> None:
    outcome, several = done.outcome, len(done.takes) > 1
    click.echo(f"{outcome.deployment} has {'new keys' if several else 'a new key'}")
    for backend in outcome.backends:
        key = done.takes[backend.instance]
        click.echo(f"  backend   {backend.url}  instance {backend.instance} takes key {key} and no other")
    for service in outcome.services:
        click.echo(f"  app       {service.url}  {service.name} shows fingerprint {service.fingerprint}")
    click.echo(f"  before    {'keys' if several else 'key'} {done.before} {'are' if several else 'is'} no longer valid")
