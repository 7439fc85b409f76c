"""`ert-deploy status`: what is running, what it costs, and what the app uses."""

from __future__ import annotations

import math
from typing import Any

import click

from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.core.model.text import per_hour

OFF_SWITCH = {
    "refused": "the provider refuses its off-switch: it does not stop itself, `sleep` and `down` do",
    "unknown": "whether its off-switch works is not known: the provider has neither taken nor refused its key",
}


@click.command("status")
@config_option
@json_option
def command(config: str | None, as_json: bool) -> None:
    """Show what is running, what it costs, and what the app uses.

    Reads the providers, not only the state: what is shown exists. Exit code 5 when they cannot be read, or when an
    instance bears a mark of ours and nobody can say whose it is.
    """
    from ert_deploy.cli.attention import undecided
    from ert_deploy.cli.outcome import attention
    from ert_deploy.cli.running import backends, in_doubt, look, sandbox_runs, services
    from ert_deploy.wiring import settings_for

    if not sandbox_runs(config):
        deployment = settings_for(config).desired.deployment
        if as_json:
            emit_json({"deployment": deployment, "backends": [], "services": [], "sandbox": "stopped"})
        else:
            click.echo(f"{deployment}: the sandbox is not running, so nothing is")
        return
    with interruptible():
        house, situation = look(config)
    deployment = house.desired.deployment
    observed = situation.observed
    found, apps, doubts = backends(situation), services(observed), in_doubt(situation)
    state = observed.state
    summary = {
        "deployment": deployment,
        "backends": [{**b, "spent": _spent(b, observed.now)} for b in found],
        "services": list(apps),
        **attention(doubts, (i.id for i in situation.ownership.others)),
        "unsettled_creates": len(state.intents),
        "to_be_destroyed": [t.id for t in state.tombstones],
        "denied_machines": sorted(state.denied_machines(observed.now)),
    }
    if as_json:
        emit_json(summary)
    else:
        _show(summary)
    if left := undecided(doubts):
        raise left


def _spent(backend: dict[str, Any], now: float) -> float:
    """$ since it was rented, without bandwidth: at most, as it may have slept; the bill itself lags by hours."""
    started = backend["started"]
    return round(float(backend["dph"]) * max(0.0, now - started) / 3600.0, 4) if started else 0.0


def _in_a_word(found: list[dict[str, Any]], *, doubts: bool) -> str:
    if not found:
        return "nothing that is known to be ours is running" if doubts else "nothing is running"
    return "asleep" if all(b["asleep"] for b in found) else "running"


def _show(summary: dict[str, object]) -> None:
    found, apps = summary["backends"], summary["services"]
    assert isinstance(found, list)
    assert isinstance(apps, list)
    click.echo(f"{summary['deployment']}: {_in_a_word(found, doubts=bool(summary['suspects']))}")
    for b in found:
        click.echo(f"  instance  {b['instance']}  {b['gpu']}, {b['place']}, machine {b['machine']}, {b['status']}")
        costs = f"{per_hour(b['disk_dph'])} for its disk" if b["asleep"] else f"{per_hour(b['dph'])} for GPU and disk"
        spent = f", ${b['spent']:.4f} so far at most" if math.isfinite(b["spent"]) else ""
        click.echo(f"  costs     {costs}{spent}")
        click.echo(
            f"  backend   {b['url'] or 'no address yet'}  {b['health']}{': ' if b['detail'] else ''}{b['detail']}"
        )
        if b["model"]:
            click.echo(f"  model     {b['model']} on {b['engine']}")
        if b["off_switch"] in OFF_SWITCH:
            click.echo(f"  warning   {OFF_SWITCH[b['off_switch']]}")
    for app in apps:
        shown = app["fingerprint"] or "none (the app uses no backend of ours, or does not answer)"
        click.echo(f"  app       {app['url']}  {app['name']}, fingerprint {shown}")
    for title, key in (
        ("whose it is has to be decided", "suspects"),
        ("another owner's, not counted and not touched", "others"),
        ("to be destroyed", "to_be_destroyed"),
        ("machines denied", "denied_machines"),
    ):
        if summary[key]:
            click.echo(f"  {title}: {', '.join(map(str, summary[key]))}")  # type: ignore[call-overload]
    if summary["unsettled_creates"]:
        click.echo(f"  create calls whose outcome is not known yet: {summary['unsettled_creates']}")
