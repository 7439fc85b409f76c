"""`ert-deploy proxy`: the files of HAProxy for `/v1` on all machines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from ert_deploy.app.running import proxy as app
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view


@click.command("proxy")
@config_option
@json_option
@click.option(
    "--port", type=click.IntRange(1, 65535), default=app.PORT, show_default=True, help="Port of it on 127.0.0.1."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the files go; default: beside the state.",
)
@click.option("--follow", is_flag=True, help="Renew them after each change, and reload HAProxy, until Ctrl-C.")
def command(config: str | None, as_json: bool, port: int, folder: Path | None, follow: bool) -> None:
    """Write the files of HAProxy for /v1 on all machines.

    One queue before all replicas: a request goes to the machine with the fewest, and is repeated on another one only if
    it was not begun. Each machine is reached over TLS that trusts its certificate alone, with its own key. The files
    hold the keys and are for you alone. HAProxy itself is a package of your system. With --follow the files are renewed
    whenever machines, certificates or keys change, and a HAProxy that was started with the line `start` reads them:
    no request is lost. Without it, run this command again after a change; a running one takes the files with SIGUSR2.
    """
    if follow and as_json:
        raise click.UsageError("--follow writes lines, --json one document: give one of them")
    with interruptible(), make_view() as view:
        if follow:
            _follow(app.follow_proxy(config, port=port, folder=folder, progress=view))
            return
        found = app.write_proxy(config, port=port, folder=folder, progress=view)
    if as_json:
        servers = [{"replica": number, "url": url} for number, url in found.servers]
        emit_json({"file": str(found.file), "url": found.url, "servers": servers})
        return
    _show(found)


def _show(found: app.Written) -> None:
    click.echo(f"file     {found.file}")
    for number, url in found.servers:
        click.echo(f"machine  {url}  replica {number}")
    click.echo(f"start    {found.start}")
    click.echo(f"URL      {found.url}")


def _follow(looks: Iterator[app.Written]) -> None:
    """Show what was written first, and a line for each change, until it is interrupted."""
    with suppress(KeyboardInterrupt):
        _show(first := next(looks))
        _told(first)
        for found in looks:
            click.echo(f"renewed  {', '.join(f'{url} (replica {number})' for number, url in found.servers)}")
            _told(found)


def _told(found: app.Written) -> None:
    done = "HAProxy reads them" if found.reloaded else "no HAProxy listens at the socket of the line `start`"
    click.echo(f"reload   {done}")
    sys.stdout.flush()
