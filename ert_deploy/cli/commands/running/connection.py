"""`ert-deploy connection`: URL, model, CA file and a command line for curl; the key on request."""

from __future__ import annotations

import sys
from typing import Any

import click

from ert_deploy.app.running import connection as app
from ert_deploy.app.running.connection import Connection
from ert_deploy.cli.options import (
    config_option,
    confirmed,
    emit_json,
    interruptible,
    json_option,
    replica_option,
    yes_option,
)
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.errors import UsageError


@click.command("connection")
@config_option
@json_option
@click.option("--show-key", "what", flag_value="key", help="Write the key alone; on a terminal after confirmation.")
@click.option("--header", "what", flag_value="header", help="Write the HTTP header with the key, for a pipe to curl.")
@replica_option
@yes_option
def command(config: str | None, as_json: bool, what: str | None, replica: int | None, yes: bool) -> None:
    """Show how to call the backend: URL, model, CA file, and a line for curl.

    The URL, the model and the key are what a client of OpenAI's API is made with; SSL_CERT_FILE may name the CA file.
    That contains no secret. The key appears in no command line, and here only with --show-key or --header. Of several
    machines each that serves is shown; --replica chooses one, whose key may be written.
    """
    if what and as_json:
        raise UsageError(f"--json does not go with --{'show-key' if what == 'key' else what}")
    with interruptible(), make_view() as view:
        found = app.connections(config, replica=replica, progress=view)
    if what and found[0].replica is not None and replica is None:
        raise UsageError("each machine has a key of its own", hint=f"--replica {found[0].replica} is that of one")
    if what:
        _reveal(found[0], what, yes=yes)
    elif as_json and (found[0].replica is None or replica is not None):
        emit_json(_document(found[0]))
    elif as_json:
        emit_json({"replicas": [{"replica": one.replica, **_document(one)} for one in found]})
    else:
        for one in found:
            _show(one)


def _reveal(found: Connection, what: str, *, yes: bool) -> None:
    """Write the key or the header with it, unless the user does not confirm it on a terminal. Raises UsageError."""
    if sys.stdout.isatty() and not confirmed(f"write the key of {found.service} to this terminal?", yes=yes):
        raise UsageError("nothing was written")
    text = found.key.reveal() if what == "key" else found.header()
    sys.stdout.buffer.write(f"{text}\n".encode())  # not filtered: this is what was requested
    sys.stdout.buffer.flush()


def _document(found: Connection) -> dict[str, Any]:
    about = {"service": found.service, "url": found.url, "ca_file": str(found.ca_file) if found.ca_file else None}
    client = {"base_url": found.base_url, "model": found.model, "server_name": found.server_name or None}
    return {**about, **client, "curl": found.curl, "key_sha256": found.key_name}


def _show(found: Connection) -> None:
    if found.replica is not None:
        click.echo(f"replica  {found.replica}")
    click.echo(f"URL      {found.base_url}")
    click.echo(f"model    {found.model}")
    click.echo(f"CA file  {found.ca_file or 'none: a certificate of a public CA'}")
    click.echo(f"key      sha256 {found.key_name}..., that of {found.service}; --show-key writes it")
    click.echo(f"curl     {found.curl}")
