"""`ert-deploy cost advise`: what other values of the idle stop would have cost on the deployment's own history."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from ert_deploy.app.idle import advise as app
from ert_deploy.app.idle.advise import Advised
from ert_deploy.cli.options import config_option, emit_json, json_option
from ert_deploy.cli.rows import columns, row
from ert_deploy.core.idle.advice import Row
from ert_deploy.core.idle.hours import time_of_day, weekday
from ert_deploy.core.idle.prices import HOUR, MINUTE

WIDE = 100  # columns from which on the table has all of its columns
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@click.command("advise")
@config_option
@json_option
@click.option(
    "--requests",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Times of all requests, a Unix time in each line, in place of the starts in the history.",
)
@click.option(
    "--wait-price",
    type=click.FloatRange(0, 100),
    metavar="USD",
    help="$ that a minute of waiting counts for; default: policy/wait_price.",
)
@click.option(
    "--budget", type=click.FloatRange(0, 1000), default=0.0, show_default=True, metavar="USD",
    help="$ a day of unused GPU for early starts.",
)  # fmt: skip
def command(config: str | None, as_json: bool, requests: Path | None, wait_price: float | None, budget: float) -> None:
    """Recommend when the unused machine stops, by what it would have cost in the past.

    The history in the state has the times at which the machine was started, not the requests that found it running: a
    file with all of them gives better advice, and an earlier stop is judged only with one. `cold` is the share of
    requests that have to wait for a start. No provider is called.
    """
    found = app.advise_idle(config, requests=requests, wait_price=wait_price, budget=budget)
    if as_json:
        emit_json(_plain(found))
    else:
        _show(found)


def _show(found: Advised) -> None:
    advice = found.advice
    source = f"starts in {found.where}" if found.own else "requests of the file"
    row(f"{advice.requests} {source}, {advice.days:.1f} days; a minute of waiting counts ${advice.prices.wait_price:g}")
    wide = columns() >= WIDE
    more = "   min waiting a day  destroyed after" if wide else ""
    click.echo(f"policy                stops after   $ a day  $ with waits    cold{more}")
    for one in advice.rows:
        click.echo(_line(one, wide=wide))
    chosen = advice.chosen
    click.echo(f"recommended: {chosen.name}")
    stop = f"{advice.idle_stop // 60}m" if advice.idle_stop else "0"
    row(f"  set       launch/guard/idle_stop: {stop}{_now(found)}")
    if chosen.numbers.destroy_after < math.inf:
        row(f"  destroy   after {_span(chosen.numbers.destroy_after)} asleep: its next start is expected to cost more")
    if chosen.numbers.warm is not None:
        row(f"  start     to be ready {_clock(chosen.numbers.warm.ready)} {found.zone}, before the first request")
    for name in found.assumed:
        row(f"  assumed   {name}: no event has it")
    if found.own:
        row("  unknown   what an earlier stop would save: a request that finds the machine running leaves no event")


def _clock(at: float) -> str:
    seconds = time_of_day(at)
    return f"on {DAYS[weekday(at)]} at {int(seconds // HOUR):02d}:{int(seconds % HOUR // MINUTE):02d}"


def _now(found: Advised) -> str:
    return " (as it is)" if found.advice.idle_stop == found.idle_stop else f" (now {found.idle_stop // 60}m)"


def _line(one: Row, *, wide: bool) -> str:
    stop = _span(one.numbers.idle_stop)
    text = f"{one.name:20}  {stop:>11}  {one.billed:8.2f}  {one.total:12.2f}  {one.waited:6.0%}"
    return f"{text}  {one.minutes:18.1f}  {_span(one.numbers.destroy_after):>15}" if wide else text


def _span(seconds: float) -> str:
    if seconds == math.inf:
        return "never"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def _plain(found: Advised) -> dict[str, Any]:
    advice = found.advice
    return {
        "deployment": found.deployment,
        "where": found.where,
        "requests": advice.requests,
        "days": round(advice.days, 2),
        "from_history": found.own,
        "wait_price_usd_per_minute": advice.prices.wait_price,
        "assumed": list(found.assumed),
        "idle_stop_now": found.idle_stop,
        "recommended": {"policy": advice.chosen.name, "idle_stop": advice.idle_stop, **_numbers(advice.chosen)},
        "policies": [_row(one) for one in advice.rows],
    }


def _row(one: Row) -> dict[str, Any]:
    return {
        "policy": one.name,
        "usd_per_day": round(one.billed, 4),
        "usd_per_day_with_waits": round(one.total, 4),
        "minutes_waited_per_day": round(one.minutes, 2),
        "share_waited": round(one.waited, 4),
        "stop_after": one.numbers.idle_stop,
        **_numbers(one),
    }


def _numbers(one: Row) -> dict[str, Any]:
    warm = one.numbers.warm
    return {
        "destroy_after_asleep": one.numbers.destroy_after,
        "ready_at": None if warm is None else warm.ready,
    }
