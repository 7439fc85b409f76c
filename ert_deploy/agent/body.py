"""Body of `/backend`: what an app is told about a deployment. It never contains a key of the backend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ert_deploy.agent.keeper import Keeper
from ert_deploy.agent.view import View
from ert_deploy.app.waking.look import Look
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.verdict.waking import STAGES, Action, Phase

VERSION = 1
BUSY = "another run works on it"


def body(keeper: Keeper) -> dict[str, Any]:
    """Return the document of a deployment as it is known now."""
    view = keeper.view
    phase, reason = _phase(view)
    seen = view.look
    stage, share = _boot(view) if phase is Phase.WAKING else (None, None)
    known = seen if phase is not Phase.UNKNOWN else None
    reached = known.reached if known is not None and phase is Phase.READY else None
    left = known.eta if known is not None else None
    return {
        "version": VERSION,
        "deployment": keeper.name,
        "phase": phase.value,
        "stage": None if stage is None else STAGES[stage],
        "progress": share,
        "eta_seconds": None if left is None else {"p50": left.p50, "p95": left.p95},
        "price_per_hour_usd": known.price if known is not None else None,
        "cost_to_ready_usd": known.cost if known is not None else None,
        "agreed_price_per_hour_usd": known.agreed if known is not None else None,
        "contract_ends": known.ends if known is not None else None,
        "url": reached.url if reached is not None else None,
        "certificate": reached.certificate if reached is not None else None,
        "fingerprint": reached.fingerprint if reached is not None else None,
        "machine": None
        if reached is None or reached.token is None
        else {"token": reached.token, "key_generation": reached.key_generation},
        "generation": seen.generation if seen is not None else 0,
        "can_publish": not keeper.unpublished,
        "reason": "; ".join(filter(None, (reason, keeper.unpublished))),
        "at": _iso(seen),
    }


def _phase(view: View) -> tuple[Phase, str]:
    """Return the phase and its reason. A backend that is seen ready is so, whatever else a run still does."""
    seen = view.look
    if seen is not None and view.error is None and seen.waking.phase is Phase.READY:
        return Phase.READY, seen.waking.reason
    if view.flight is not None and view.flight.action is Action.WAKE:
        return Phase.WAKING, seen.waking.reason if seen is not None and seen.waking.phase is Phase.WAKING else ""
    if view.error is not None:
        return Phase.UNKNOWN, view.error.summary
    if seen is None:
        return Phase.UNKNOWN, "there was no look at it yet"
    if view.busy and seen.waking.phase is not Phase.WAKING:
        return Phase.UNKNOWN, BUSY
    return seen.waking.phase, seen.waking.reason


def _boot(view: View) -> tuple[LaunchStage | None, float | None]:
    """Return stage and share of the boot, by the run that is under way, else by the last look."""
    if view.flight is not None and view.flight.stage is not None:
        return view.flight.stage, view.flight.share
    seen = view.look
    return (seen.waking.stage, seen.waking.progress) if seen is not None else (None, None)


def _iso(seen: Look | None) -> str | None:
    if seen is None:
        return None
    return datetime.fromtimestamp(seen.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
