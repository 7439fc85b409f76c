"""`ert-deploy events`: what happened, when, by whom, and what it had cost until then."""

from __future__ import annotations

import click

from ert_deploy.app.running import events as app
from ert_deploy.app.running.events import Happened, Spent, moment
from ert_deploy.cli.options import config_option, emit_json, json_option
from ert_deploy.cli.rows import row_of_two
from ert_deploy.cli.view.offer import money


@click.command("events")
@config_option
@json_option
@click.option(
    "-n", "--tail", type=click.IntRange(1), metavar="N", help="The last N events; default: all that are kept."
)
def command(config: str | None, as_json: bool, tail: int | None) -> None:
    """List what happened to the deployment: when, what, its cost, and by whom.

    The state keeps the last 64 events. A cost is that of the instance since it was rented, by the ledger. With `<` it
    is at most that: the ledger does not know when the GPU stopped, or nothing of it. With several replicas the number
    after the time is that of the replica. No provider is called.
    """
    found = app.events(config, most=tail)
    if as_json:
        emit_json({"where": found.where, "events": list(map(_plain, found.events, found.costs, found.numbers))})
        return
    several = any(number > 1 for number in found.numbers)
    for one, paid, number in zip(found.events, found.costs, found.numbers, strict=True):
        cost = "" if paid is None else money(paid.cost) if paid.exact else f"<{money(paid.cost)}"
        about = (f"{number}  " if several else "") + f"{one.what:10}  {one.instance:10}  {cost:>8}"
        why = f": {one.why}" if one.why else ""
        row_of_two(f"{moment(abs(one.at), found.zone)}  {about}", f"{one.who}{why}")
    if not found.events:
        click.echo(f"no event is stored in {found.where}", err=True)


def _plain(one: Happened, paid: Spent | None, replica: int) -> dict[str, object]:
    """Return the fields for JSON; `at` is null if only the clock of the writer was known."""
    at = one.at if one.at > 0 else None
    return {
        "at": at,
        "what": one.what,
        "instance": one.instance,
        "replica": replica,
        "why": one.why,
        "cost_usd": round(paid.cost, 4) if paid is not None else None,
        "cost_exact": paid is not None and paid.exact,
        "who": one.who,
    }
