"""`ert-deploy cost`: what the deployment has cost, what it will, and what is left of its budget."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ert_deploy.app.running import cost as app
from ert_deploy.app.running.cost import Costs, date_of
from ert_deploy.cli.groups import Group
from ert_deploy.cli.options import config_option, emit_json, json_option
from ert_deploy.cli.rows import columns, row
from ert_deploy.cli.view.cost import chart, svg, table
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.errors import UsageError


@click.group("cost", cls=Group, invoke_without_command=True)
@config_option
@json_option
@click.option(
    "--svg", "image", metavar="FILE", type=click.Path(dir_okay=False), help="Write the chart to this file too."
)
@click.option(
    "--reports", metavar="N", type=click.IntRange(1), help="How many reports this month had, for the cost of one."
)
@click.pass_context
def command(context: click.Context, config: str | None, as_json: bool, image: str | None, reports: int | None) -> None:
    """Show what the deployment has cost: today, this month, and in a forecast of it.

    The ledger counts GPU, disk and traffic of every machine; the provider's charges take the place of its estimates as
    they arrive, which takes hours. `charged` is the part that has arrived, `difference` by how much it corrected.
    """
    if context.invoked_subcommand is not None:
        return
    found = app.cost(config, reports=reports, progress=make_view())
    if image is not None:
        _write(Path(image), svg(found))
    if as_json:
        emit_json(_plain(found))
        return
    for line in table(found):
        row(line)
    for line in chart(found, columns()):
        click.echo(line)
    for note in (*found.notes, *found.warnings):
        click.echo(f"note: {note}", err=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _plain(found: Costs) -> dict[str, Any]:
    made = found.summary
    return {
        "deployment": found.deployment,
        "where": found.where,
        "at": found.now,
        "today": _cost(made.today),
        "month": _cost(made.month),
        "days": {_iso(day): _cost(one) for day, one in made.days.items()},
        "earlier_months_usd": {_iso(day)[:7]: round(total, 4) for day, total in made.earlier.items()},
        "forecast_usd": made.forecast,
        "always_on_usd": made.always_on,
        "saved_usd": made.saved,
        **({"kept_up_month_usd": round(made.kept, 2)} if made.kept is not None else {}),
        "reports": found.reports,
        "per_report_usd": found.per_report,
        "budget": {
            "per_day_usd": found.budget.per_day,
            "per_month_usd": found.budget.per_month,
            "at_budget": found.budget.at_end.value,
            "left_day_usd": found.left.day,
            "left_month_usd": found.left.month,
            "given_usd": found.left.given,
        },
        "notes": list(found.notes),
        "warnings": list(found.warnings),
    }


def _cost(one: Any) -> dict[str, float]:
    return {f"{name}_usd": round(value, 6) for name, value in {**asdict(one), "total": one.total}.items()}


def _iso(day: int) -> str:
    year, month, of_month = date_of(day)
    return f"{year}-{month:02}-{of_month:02}"
