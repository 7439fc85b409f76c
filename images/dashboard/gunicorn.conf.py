"""Gunicorn configuration, read from the working directory: starts the dashboard in the worker, after any fork."""

from __future__ import annotations

import os
import sys
from typing import Any


def on_starting(server: Any) -> None:
    """Refuse more workers than can share what they need. Render sets WEB_CONCURRENCY; `-w 1` overrides it."""
    from ert_dashboard.base.env import BadSetting
    from ert_dashboard.base.shared import refusal

    try:
        problem = refusal(server.cfg.workers, os.environ)
    except BadSetting as error:
        problem = str(error)
    if problem:
        sys.stderr.write(f"ert-dashboard: {problem}\n")
        sys.exit(4)


def post_worker_init(worker: Any) -> None:
    """Start the dashboard, in the main thread of the worker, after the signal handlers are installed."""
    from ert_dashboard.base.env import BadSetting

    try:
        worker.wsgi.dashboard()
    except BadSetting as error:
        # gunicorn's `APP_LOAD_ERROR`: the arbiter exits instead of starting another worker.
        sys.stderr.write(f"ert-dashboard: {error}\n")
        sys.exit(4)
    worker.wsgi.leave_on_term()
