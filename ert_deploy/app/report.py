"""`report`: a report through the app, as users request it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ert_deploy.app.deployment import SILENT, Config, Progress, opened

if TYPE_CHECKING:
    from ert_deploy.adapters.app.dashboard_client import Report


def report(ticker: str, config: Config = None, *, progress: Progress = SILENT) -> Report:
    """Request a report from the dashboard of the first target, which forwards it over pinned TLS to the GPU.

    Raises UsageError (a ticker that the app does not accept, a sandbox that is not running), Failed or CannotObserve.
    """
    from ert_deploy.adapters.app.dashboard_client import ErtApp
    from ert_deploy.adapters.clock import RealClock

    session = opened(config).session(progress, gpu=False)
    shown = [""]

    def say(status: str, percent: int) -> None:
        if status != shown[0]:
            shown[0] = status
            progress.note(f"{status} ({percent}%)")

    target = session.desired.targets[0]
    url = target.reached_at(session.ports.web.service(target.service).url)
    # Text generation takes real time, even in a sandbox with a faster clock.
    app = ErtApp(url, RealClock() if session.in_sandbox else session.ports.clock)
    return app.report(ticker, float(target.timeout), say)
