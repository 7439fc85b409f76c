"""Read by gunicorn from the folder it is started in: starts the dashboard in the worker, after any fork."""

from __future__ import annotations

import sys
from typing import Any


def post_worker_init(worker: Any) -> None:
    """In the worker's main thread, with its signal handlers in place and the application loaded."""
    from ert_dashboard.base.env import BadSetting

    try:
        worker.wsgi.dashboard()
    except BadSetting as error:
        # gunicorn's own code for "the application could not be loaded": it stops instead of starting another worker.
        sys.stderr.write(f"ert-dashboard: {error}\n")
        sys.exit(4)
    worker.wsgi.leave_on_term()
