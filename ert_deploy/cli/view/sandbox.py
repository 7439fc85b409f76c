"""Notice of the sandbox: one line above figures that are not real."""

from __future__ import annotations

import click

NOTICE = "sandbox: no machine, offer or price here is real, and nothing costs money"


def say_sandbox(sandbox: bool, *, err: bool = False) -> None:
    """Print the notice if the figures that follow are those of the sandbox."""
    if sandbox:
        click.echo(NOTICE, err=err)
