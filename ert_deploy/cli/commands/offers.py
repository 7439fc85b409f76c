"""`ert-deploy offers`: the offers on the market, the best first."""

from __future__ import annotations

from typing import Any

import click

from ert_deploy.app import offers as app
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.planning.offers import Choice, Ranked


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
        emit_json(_plain(found.choice, limit))
    else:
        _show(found.choice, limit, found.desired)


def _row(number: int, ranked: Ranked) -> dict[str, Any]:
    offer, cost = ranked.offer, ranked.estimate
    return {
        "rank": number,
        "offer": offer.id,
        "machine": offer.machine_id,
        "gpu": offer.gpu_name,
        "place": offer.geolocation,
        "dph": round(cost.hourly, 6),
        "expected": round(cost.expected(), 4),
        "running": round(cost.running, 4),
        "boot": round(cost.boot, 4),
        "download": round(cost.download, 4),
        "works": round(cost.works, 3),
    }


def _plain(choice: Choice, limit: int) -> dict[str, Any]:
    return {
        "offers": [_row(n, r) for n, r in enumerate(choice.ranked[:limit], 1)],
        "matching": len(choice.ranked),
        "rejected": [
            {"offer": o.id, "gpu": o.gpu_name, "reasons": [f"{r.filter}: {r.detail}" for r in why]}
            for o, why in choice.rejected
        ],
        "removed_by": dict(choice.removed_by()),
    }


def _show(choice: Choice, limit: int, desired: Desired) -> None:
    click.echo(f"{len(choice.ranked)} offers match; cost expected for {desired.plan_hours:g} h, all in $")
    click.echo(
        "rank     offer  gpu               place             $/h     expected = (run  + boot + download) / works"
    )
    for row in (_row(number, ranked) for number, ranked in enumerate(choice.ranked[:limit], 1)):
        click.echo(
            f"{row['rank']:4d}  {row['offer']:8d}  {row['gpu'][:16]:16}  {row['place'][:16]:16}  {row['dph']:6.4f}  "
            f"{row['expected']:8.3f}   {row['running']:5.3f}  {row['boot']:5.3f}  {row['download']:8.3f}"
            f"    {row['works']:5.3f}"
        )
    if choice.rejected:
        click.echo(f"{len(choice.rejected)} offers do not match; removed by")
        for name, count in choice.removed_by():
            click.echo(f"  {count:3d}  {name}")
        offer, why = choice.rejected[0]
        reasons = "; ".join(f"{r.filter}: {r.detail}" for r in why)
        price = desired.launch.hourly(offer)
        click.echo(f"  the cheapest of them, offer {offer.id} ({offer.gpu_name}, ${price:.4f}/h): {reasons}")
