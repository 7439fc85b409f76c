"""`ert-deploy report TICKER`: a report through the app, as users request it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from ert_deploy.app import report as app
from ert_deploy.cli.interrupted import Interrupted
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.rows import HANGING, row
from ert_deploy.cli.verbs import PERHAPS
from ert_deploy.cli.view.progress import LOOKING, View, make_view
from ert_deploy.core.model.errors import LoginRequired, UsageError
from ert_deploy.core.model.secret import Secret

if TYPE_CHECKING:
    from ert_deploy.app.report import Listed, Report

LIST = "list"
IDS = PERHAPS["--follow"]
T_co = TypeVar("T_co", covariant=True)


class _Call(Protocol[T_co]):
    def __call__(self, *, password: Secret | None, progress: View) -> T_co: ...


@click.command("report")
@click.argument("ticker", required=False, metavar="TICKER|list")
@config_option
@json_option
@click.option("--follow", "report_id", metavar="ID", help="Follow a report that was requested before.")
@click.option("--excerpt", type=click.IntRange(1), metavar="LINES", help="Print only the first lines of each section.")
def command(ticker: str | None, config: str | None, as_json: bool, report_id: str | None, excerpt: int | None) -> None:
    """Request a report on TICKER from the app.

    The request is sent like a user's: to the dashboard, from there over pinned TLS to the GPU, and back. If the
    dashboard requires a login, its password is taken from ERT_APP_PASSWORD, or prompted for on a terminal. `list`, in
    lower case, lists the latest reports. After an interruption the report is still written: --follow returns to it.
    """
    if (ticker is None) == (report_id is None) or (report_id or "").startswith("-"):
        raise UsageError("give either a TICKER or --follow ID", hint=IDS)
    if ticker == LIST:
        _show_list(_logged_in(lambda **said: app.latest(config, **said), LOOKING), as_json=as_json)
        return
    if report_id is not None:
        identity = report_id
        _show(_written(lambda **said: app.follow(identity, config, **said), [identity]), excerpt, as_json=as_json)
        return
    asked, begun = str(ticker), list[str]()
    found = _written(lambda **said: app.report(asked, config, started=begun.append, **said), begun)
    _show(found, excerpt, as_json=as_json)


def _written(call: _Call[Report], begun: list[str]) -> Report:
    """Run the call; an interruption tells how to return to the report, if it has `begun`."""
    try:
        return _logged_in(call, "waiting for the report")
    except Interrupted as interrupted:
        interrupted.report = begun[0] if begun else ""
        raise


def _logged_in(call: _Call[T_co], doing: str) -> T_co:
    """Run the call; if the app requires a login, prompt for the password on a terminal and run it again.

    `doing` is shown meanwhile.
    """
    with interruptible():
        try:
            with make_view(doing) as view:
                return call(password=None, progress=view)
        except LoginRequired:
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise
        password = Secret(click.prompt("password of the dashboard", hide_input=True, err=True))
        with make_view(doing) as view:
            return call(password=password, progress=view)


def _show_list(found: tuple[Listed, ...], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"report_id": one.report_id, "ticker": one.ticker, "status": one.status, "created": one.created}
            for one in found
        ]
        emit_json({"reports": rows})
        return
    for one in found:
        row(f"{_date(one):25}  {one.ticker:6}  {one.stage.title:20}  {one.report_id}", indent=HANGING)
    if not found:
        click.echo("the app has no reports yet", err=True)


def _date(one: Listed) -> str:
    """Return the date as the app writes it; one that was changed to a sandbox's clock is marked."""
    return one.created if one.zone == "UTC" else f"{one.created.rstrip('Z').replace('T', ' ')} {one.zone}"


def _show(report: Report, excerpt: int | None, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "ticker": report.ticker,
                "report_id": report.report_id,
                "generation_time": report.generation_time,
                "sections": dict(report.sections),
                "metadata": dict(report.metadata),
            }
        )
        return
    for name, text in report.sections.items():
        click.echo(f"## {name.replace('_', ' ').title()}\n")
        lines = text.strip().splitlines()
        click.echo("\n".join(lines[:excerpt] if excerpt else lines))
        click.echo("..." if excerpt and len(lines) > excerpt else "")
    made = f"written by {report.metadata.get('model')} on {report.metadata.get('engine')}"
    click.echo(f"{report.ticker}: {made} in {report.generation_time:.1f} s", file=sys.stderr)
