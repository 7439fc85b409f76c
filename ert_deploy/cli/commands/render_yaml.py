"""`ert-deploy render-yaml`: the Blueprint of the app, for a first deploy at Render."""

from __future__ import annotations

import click

from ert_deploy.app import project
from ert_deploy.cli.options import config_option


@click.command("render-yaml")
@config_option
def command(config: str | None) -> None:
    """Print the Render Blueprint of the app.

    Save it as render.yaml in the app's repository. The variables that `up` sets are omitted (`sync: false`).
    """
    click.echo(project.render_yaml(config), nl=False)
