"""`report`: a report through the app, as users request it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ert_deploy.app.deployment import SILENT, Config, Progress, in_sandbox_time, opened
from ert_deploy.core.model.secret import Secret
from ert_deploy.wiring import Session

if TYPE_CHECKING:
    from ert_deploy.adapters.app.dashboard_client import ErtApp, Listed, Report
    from ert_deploy.adapters.app.report_stage import Stage

__all__ = ["PASSWORD", "Listed", "Report", "follow", "latest", "report"]

PASSWORD = "ERT_APP_PASSWORD"  # noqa: S105 - the name of the variable
T = TypeVar("T")


def report(
    ticker: str,
    config: Config = None,
    *,
    password: Secret | None = None,
    started: Callable[[str], object] = str,
    progress: Progress = SILENT,
) -> Report:
    """Request a report from the dashboard of the first target, which forwards it over pinned TLS to the GPU.

    `password` is that of the dashboard's login, by default from `ERT_APP_PASSWORD`. Raises UsageError (a ticker that
    the app does not accept, a sandbox that is not running), its subclass `LoginRequired`, Failed or CannotObserve.
    `started` receives the id once the app has taken the request: the report is then written whatever happens here.
    """
    named = f" -c {shlex.quote(str(config))}" if isinstance(config, str | Path) else ""

    def run(app: ErtApp, limit: float, say: Callable[[Stage], None]) -> Report:
        report_id = app.start(ticker)
        started(report_id)
        progress.note(f"report {report_id}: `ert-deploy report --follow {report_id}{named}` returns to it")
        return app.follow(report_id, limit, say)

    return _at_the_app(config, password, progress, run)


def follow(
    report_id: str, config: Config = None, *, password: Secret | None = None, progress: Progress = SILENT
) -> Report:
    """Wait for a report that was requested before, by its id. Raises as `report`, UsageError for an unknown id."""
    return _at_the_app(config, password, progress, lambda app, limit, say: app.follow(report_id, limit, say))


def latest(
    config: Config = None, *, limit: int = 20, password: Secret | None = None, progress: Progress = SILENT
) -> tuple[Listed, ...]:
    """Return the latest reports, newest first; in a sandbox with its times. Raises as `report`."""
    deployment = opened(config)
    found = _at_the_app(deployment, password, progress, lambda app, _limit, _say: app.latest(limit))
    if deployment.settings.sandbox is None:
        return found
    session = deployment.session(progress, gpu=False)
    return tuple(replace(one, created=_dated(one.created, session), zone=deployment.zone) for one in found)


def _dated(created: str, session: Session) -> str:
    """Return a time of the app, whose process has the clock of this machine, by that of the sandbox."""
    with suppress(ValueError, OverflowError):
        at = in_sandbox_time(datetime.fromisoformat(created).timestamp(), session)
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return created


def _at_the_app(
    config: Config,
    password: Secret | None,
    progress: Progress,
    run: Callable[[ErtApp, float, Callable[[Stage], None]], T],
) -> T:
    from ert_deploy.adapters.app.dashboard_client import ErtApp
    from ert_deploy.adapters.clock import RealClock

    session = opened(config).session(progress, gpu=False)
    shown = [""]

    def say(stage: Stage) -> None:
        if str(stage) != shown[0]:
            shown[0] = str(stage)
            progress.note(str(stage))

    target = session.desired.targets[0]
    url = target.reached_at(session.ports.web.service(target.service).url)
    # Text generation takes real time, even in a sandbox with a faster clock.
    clock = RealClock() if session.in_sandbox else session.ports.clock
    with ErtApp(url, clock, password=password or _given(os.environ)) as app:
        return run(app, float(target.timeout), say)


def _given(env: Mapping[str, str]) -> Secret | None:
    return Secret(env[PASSWORD]) if env.get(PASSWORD) else None
