"""`ert-deploy proxy`: the files of HAProxy for `/v1` on all machines."""

from __future__ import annotations

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
def command(config: str | None, as_json: bool, port: int, folder: Path | None) -> None:
    """Write the files of HAProxy for /v1 on all machines.

    One queue before all replicas: a request goes to the machine with the fewest, and is repeated on another one only if
    it was not begun. Each machine is reached over TLS that trusts its certificate alone, with its own key. The files
    hold the keys and are for you alone. HAProxy itself is a package of your system; after another run of this command a
    running one takes the files with SIGUSR2.
    """
    with interruptible(), make_view() as view:
        found = app.write_proxy(config, port=port, folder=folder, progress=view)
    if as_json:
        servers = [{"replica": number, "url": url} for number, url in found.servers]
        emit_json({"file": str(found.file), "url": found.url, "servers": servers})
        return
    click.echo(f"file     {found.file}")
    for number, url in found.servers:
        click.echo(f"machine  {url}  replica {number}")
    click.echo(f"start    haproxy -W -f {found.file}")
    click.echo(f"URL      {found.url}")
