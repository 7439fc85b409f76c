"""`ert-deploy offers`: the offers on the market, the best first."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from ert_deploy.app import offers as app
from ert_deploy.app.offers import Offers
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.rows import columns
from ert_deploy.cli.view.avoided import avoided, avoided_document
from ert_deploy.cli.view.offer import MINUTE, WIDTH, offer_document, offer_lines
from ert_deploy.cli.view.progress import make_view
from ert_deploy.cli.view.sandbox import say_sandbox
from ert_deploy.core.planning.offers import Ranked, country

PLACE, LONGEST_PLACE = 10, 24  # characters of the place, at 80 columns and on a wide terminal


@click.command("offers")
@config_option
@json_option
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="How many offers to show.")
def command(config: str | None, as_json: bool, limit: int) -> None:
    """Show the offers on the market, ranked, and why others are not taken.

    The order is that of the expected price: GPU and disk for the planned hours, boot and download until one attempt
    is healthy, and the wait, of which an hour counts as much as offer/max_dph.
    """
    with interruptible(), make_view() as view:
        found = app.offers(config, progress=view)
    if as_json:
        emit_json(_plain(found, limit))
    else:
        _show(found, limit)


def _plain(found: Offers, limit: int) -> dict[str, Any]:
    choice = found.choice
    return {
        "offers": [{"rank": n} | offer_document(r) for n, r in enumerate(choice.ranked[:limit], 1)],
        "matching": len(choice.ranked),
        "hours": found.desired.plan_hours,
        "rejected": [
            {"offer": o.id, "gpu": o.gpu_name, "reasons": [f"{r.filter}: {r.detail}" for r in why]}
            for o, why in choice.rejected
        ],
        "removed_by": dict(choice.removed_by()),
        "denied": avoided_document(found.denied),
        "sandbox": found.sandbox,
    }


def _line(number: int, ranked: Ranked, place: int) -> str:
    offer, cost = ranked.offer, ranked.estimate
    half, most = (cost.stages.at(part).total / MINUTE for part in (0.5, 0.95))
    return (
        f"{number:4d} {offer.id[:11]:>11} {offer.gpu_name[:12]:12} {_place(offer.geolocation, place):{place}} "
        f"{cost.hourly:6.4f} "
        f"{cost.to_healthy():7.3f} {cost.expected():8.3f} {half:4.0f} {most:4.0f} {cost.works:5.0%}"
    )


def _place(geolocation: str, width: int) -> str:
    """Return at most so many characters, the country first: `TH Thailand` for "Thailand, TH"; `~` for what is cut."""
    code = country(geolocation)
    named = f"{code} {geolocation.rpartition(',')[0] if code else geolocation}".strip()
    return named if len(named) <= width else f"{named[: width - 1]}~"


def _show(found: Offers, limit: int) -> None:
    choice, desired = found.choice, found.desired
    say_sandbox(found.sandbox)
    click.echo(
        f"{len(choice.ranked)} offers match; costs in $ until healthy and with {desired.plan_hours:g} h, minutes"
    )
    place = min(PLACE + max(0, columns() - WIDTH), LONGEST_PLACE)
    head = f"{'place':{place}}"
    click.echo(f"rank       offer gpu          {head}    $/h healthy expected  50%  95% works")
    for number, ranked in enumerate(choice.ranked[:limit], 1):
        click.echo(_line(number, ranked, place))
    if choice.ranked:
        click.echo("the best of them:")
        for line in offer_lines(choice.ranked[0], desired.plan_hours, found.between):
            click.echo(line)
    for line in avoided(found.denied, found.zone):
        click.echo(line)
    if choice.rejected:
        click.echo(f"{len(choice.rejected)} offers do not match; removed by")
        for name, count in choice.removed_by():
            click.echo(f"  {count:3d}  {name}")
        offer, why = choice.rejected[0]
        reasons = "; ".join(f"{r.filter}: {r.detail}" for r in why)
        price = desired.launch.hourly(offer)
        said = f"the cheapest of them, offer {offer.id} ({offer.gpu_name}, ${price:.4f}/h): {reasons}"
        click.echo(textwrap.fill(said, columns(), initial_indent="  ", subsequent_indent="  "))
