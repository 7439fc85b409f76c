"""`ert-deploy status`: the verdict on a deployment, link by link, and what it costs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from ert_deploy.app.attention import undecided
from ert_deploy.app.status import read
from ert_deploy.app.status.result import Status
from ert_deploy.cli.documents import attention, services_document
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.streams import SafeStream, safe
from ert_deploy.cli.view.avoided import avoided_document
from ert_deploy.cli.view.changes import changes
from ert_deploy.cli.view.links import status_lines
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.verdict.links import Link, Standing

VERSION = 1  # of the JSON document
DEGRADED = 6
CLEAR = "\x1b[H\x1b[2J"
WIDTH = 80  # columns without a terminal


@click.command("status")
@config_option
@json_option
@click.option("--watch", "watching", is_flag=True, help="Look again every few seconds, until Ctrl-C.")
@click.option("--all", "every", is_flag=True, help="Also show every other deployment that the account's marks name.")
def command(config: str | None, as_json: bool, watching: bool, every: bool) -> None:
    """Show whether every link up to the last report is good, and the cost.

    Reads the providers, the backend and the apps, not only the state; writes and starts nothing. Exit code 0 if all is
    as wanted, also while it sleeps or after `down`; 6 if a link is bad, or unknown and needed; 5 if a provider cannot
    be read, or if a marked instance has no certain owner. `--watch` writes one line per change where there is no
    terminal, and ends with the code of the last look.
    """
    if watching and as_json:
        raise click.UsageError("--watch writes lines, --json one document: give one of them")
    if watching:
        raise click.exceptions.Exit(_watch(config, every=every))
    with interruptible(), make_view() as view:
        look = read.every_status if every else read.own_status
        found = look(config, progress=view)
    if as_json:
        emit_json(_document(found, every=every))
    else:
        for one in found:
            _show(one)
    _end(found)


def worst(found: Sequence[Status]) -> Standing:
    """Return the verdict on all of them."""
    order = (Standing.AS_WANTED, Standing.DEGRADED, Standing.UNCLEAR)
    return max((one.standing for one in found), key=order.index)


def _end(found: Sequence[Status]) -> None:
    """Raise what the user has to know or to decide, or end with the code of the verdict."""
    errors: list[ErtError | None] = [one.unread for one in found]
    errors += [undecided(one.undecided) for one in found]
    for error in filter(None, errors):
        raise error
    if worst(found) is Standing.DEGRADED:
        raise click.exceptions.Exit(DEGRADED)


def _watch(config: str | None, *, every: bool) -> int:
    """Look until interrupted; return the code of the last look."""
    last: dict[str, Status] = {}
    with interruptible():
        try:
            for found in read.watch(config, every=every):
                before, last = last, {one.deployment: one for one in found}
                if sys.stdout.isatty():
                    _draw(found)
                else:
                    _tell(found, before)
        except KeyboardInterrupt:
            if not last:
                raise
    return worst(tuple(last.values())).exit_code


def _tell(found: Sequence[Status], before: Mapping[str, Status]) -> None:
    for one in found:
        for line in changes(before.get(one.deployment), one):
            click.echo(line)
    sys.stdout.flush()


def _draw(found: Sequence[Status]) -> None:
    text = "\n".join(line for one in found for line in _lines(one)) + "\n"
    stream = sys.stdout
    if isinstance(stream, SafeStream):
        stream.own(CLEAR + safe(text))
        stream.flush()
    else:
        click.echo(text)


def _show(found: Status) -> None:
    for line in _lines(found):
        click.echo(line)


def _lines(found: Status) -> list[str]:
    if found.sandbox_stopped:
        return [f"{found.deployment}: the sandbox is not running, so no instance is"]
    return list(status_lines(found, shutil.get_terminal_size((WIDTH, 24)).columns))


def _document(found: Sequence[Status], *, every: bool) -> dict[str, Any]:
    head = {"version": VERSION, "verdict": worst(found).value, "exit_code": worst(found).exit_code}
    if every:
        return head | {"deployments": [_plain(one) for one in found]}
    more = {"replicas": [_plain(one) for one in found[1:]]} if found[1:] else {}
    return head | _plain(found[0]) | more


def _plain(found: Status) -> dict[str, Any]:
    """Return the JSON object of one deployment. `spent` is in $, times are in Unix time and seconds."""
    if found.sandbox_stopped:
        return {"deployment": found.deployment, "backends": [], "services": [], "links": [], "sandbox": "stopped"}
    return {
        "deployment": found.deployment,
        "standing": found.standing.value,
        "now": found.now,
        "links": [_link(link) for link in found.links],
        "money": asdict(found.money) if found.money is not None else None,
        "backends": [{**asdict(b), "spent": b.spent(found.now)} for b in found.backends],
        "services": services_document(found.services),
        **attention(found.undecided, found.others),
        "unsettled_creates": found.unsettled_creates,
        "to_be_destroyed": list(found.to_be_destroyed),
        "denied_machines": list(found.denied_machines),
        "denied": avoided_document(found.denied),
        **({"kept_up": found.kept} if found.kept else {}),
        **({"budget": list(found.budget)} if found.budget else {}),
        **({"sandbox": "running"} if found.sandbox else {}),
        **({"external": found.external} if found.external else {}),
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "link": link.name.value,
        "subject": link.subject,
        "level": link.level.value,
        "wanted": link.wanted,
        "seen": link.seen,
        "why": link.why,
    }
