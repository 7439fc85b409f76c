"""`ert-deploy notify`: try where notices go. No address is printed."""

from __future__ import annotations

from dataclasses import asdict

import click

from ert_deploy.app.notify import trial
from ert_deploy.cli.groups import Group
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.rows import row
from ert_deploy.core.model.errors import Failed


@click.group("notify", cls=Group)
def command() -> None:
    """Try the addresses that notices are sent to.

    They are in the variable that the config names (`notify/urls`), ERT_NOTIFY_URLS by default.
    """


@command.command("test")
@config_option
@json_option
def test(config: str | None, as_json: bool) -> None:
    """Send a test message to every address of the variable that `notify/urls` names.

    No provider is asked. Exit code 1 if one of them did not take it; an address is named by its position alone.
    """
    with interruptible():
        tried = trial.notify_test(config)
    if as_json:
        emit_json({"addresses": [asdict(one) for one in tried]})
    else:
        for one in tried:
            row(f"{one.address:>3}  {one.service or '?':<16}  {one.reason or 'sent'}")
    if failed := [one for one in tried if one.reason]:
        raise Failed(f"{len(failed)} of {len(tried)} addresses did not take the message", hint="docs/monitoring.md")
