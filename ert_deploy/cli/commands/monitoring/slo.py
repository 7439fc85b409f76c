"""`ert-deploy slo`: the success criteria over 30 days, from a Prometheus server."""

from __future__ import annotations

from typing import Any

import click

from ert_deploy.app.objectives import slo as app
from ert_deploy.app.objectives.slo import JOB, Slo
from ert_deploy.cli.options import emit_json, interruptible, json_option
from ert_deploy.cli.rows import row
from ert_deploy.core.objectives.objective import DAYS, LEAST_COVERED, Result, Verdict


@click.command("slo")
@click.option(
    "--prometheus",
    "url",
    metavar="URL",
    envvar="ERT_PROMETHEUS_URL",
    required=True,
    help="Prometheus server that scrapes the dashboard, such as http://127.0.0.1:9090.",
)
@click.option("--days", type=click.FloatRange(0.05, 400), default=DAYS, show_default=True, help="Days until now.")
@click.option("--job", default=JOB, show_default=True, help="Name of the scrape job.")
@json_option
def command(url: str, days: float, job: str, as_json: bool) -> None:
    """Show whether uptime, health checks, reports and their time were as they have to be.

    Targets: 99 % uptime, more than 99 % good health checks, more than 95 % of the reports completed, and more than 95 %
    of those within 120 s. A token in ERT_PROMETHEUS_TOKEN is sent along. Exit code 6 if one was missed; 5 if none was,
    and one is unknown: there is no data of it, or less than 90 % of the hours have any.
    """
    with interruptible():
        found = app.slo(url, days=days, job=job)
    if as_json:
        emit_json(_document(found))
    else:
        _show(found)
    if found.verdict is not Verdict.MET:
        raise click.exceptions.Exit(found.verdict.exit_code)


def _show(found: Slo) -> None:
    hours = "" if found.covered >= LEAST_COVERED else f"; only {found.covered:.0%} of the hours have data"
    row(f"{found.verdict} over {found.days:g} days, by {found.source}{hours}")
    for one in found.results:
        row(f"  {one.verdict:<9}{one.objective.name:<15}{_value(one):>9}  {_about(one)}", 35)


def _value(one: Result) -> str:
    return "-" if one.measured.share is None else f"{100 * one.measured.share:.2f} %"


def _about(one: Result) -> str:
    """Return what it is the share of, the target, and of how many events."""
    target = f"{'more than' if one.objective.above else 'at least'} {one.objective.target:.0%}"
    parts = [f"{one.objective.what}; target {target}"]
    if one.measured.events is not None:
        parts.append(f"of {one.measured.events:.0f}")
    if one.measured.median is not None:
        parts.append(f"median {one.measured.median:.0f} s")
    return ", ".join([*parts, *filter(None, [one.why])])


def _document(found: Slo) -> dict[str, Any]:
    return {
        "verdict": found.verdict.value,
        "source": found.source,
        "days": found.days,
        "covered": found.covered,
        "objectives": [
            {
                "name": one.objective.name.value,
                "verdict": one.verdict.value,
                "share": one.measured.share,
                "target": one.objective.target,
                "events": one.measured.events,
                "median_seconds": one.measured.median,
                "why": one.why,
            }
            for one in found.results
        ],
    }
