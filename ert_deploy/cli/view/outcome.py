"""Output of the running backend at the end of `up` and `wake`."""

from __future__ import annotations

import click

from ert_deploy.app.outcome import Outcome
from ert_deploy.cli.rows import row
from ert_deploy.core.model.text import per_hour


def show_backend(outcome: Outcome) -> None:
    """Write the running backend and the apps on a few lines."""
    click.echo(f"{outcome.deployment} is up" + ("" if outcome.changed else " (no changes)"))
    for backend in outcome.backends:
        row(
            f"  backend   {backend.url}  {backend.gpu}, {backend.place}, "
            f"{per_hour(backend.dph)}, instance {backend.instance}"
        )
        if backend.repriced:
            now = per_hour(backend.dph)
            row(f"  price     it {backend.repriced} to {now} since it was rented; the limit is offer/max_dph")
        row(f"  model     {backend.model} on {backend.engine}")
        row(f"  identity  certificate sha256 {backend.certificate_sha256}")
    if outcome.external is not None:
        row(f"  server    {outcome.external.url}/v1 (external: nothing is rented)")
        row(f"  model     {outcome.external.model}")
    for service in outcome.services:
        row(f"  app       {service.url}  {service.name} shows fingerprint {service.fingerprint}")
    if outcome.external is not None:
        row("  ends      `ert-deploy down` takes the server from the app; the server itself is not touched")
        return
    idle = outcome.idle_stop
    by_itself = f"after {idle // 60} min without a report it stops itself" if idle else "it does not stop by itself"
    row(f"  ends      {by_itself}; `ert-deploy down` destroys every instance")
