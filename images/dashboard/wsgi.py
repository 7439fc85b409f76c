"""WSGI entry point: `gunicorn -k gthread -w 1 --threads 100 --no-control-socket --bind 0.0.0.0:$PORT wsgi:app`.

Run a single worker, unless processes can share what they need: `gunicorn.conf.py` rejects more. Render starts gunicorn
with `--preload`, which imports this module in a parent process before the fork, and a fork does not copy threads. So
the import starts nothing: the dashboard is started in the worker by `gunicorn.conf.py`, or by the first request under
any other server.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from ert_dashboard.base.env import BadSetting
from ert_dashboard.settings import Settings, read_settings
from ert_dashboard.web.app import Dashboard, create_dashboard, log_to_stderr


class Worker:
    """WSGI application of this process. The dashboard is created once, in the process that handles requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._dashboard: Dashboard | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self.dashboard().app(environ, start_response)

    def dashboard(self) -> Dashboard:
        """Return the dashboard, starting it if needed; raise `BadSetting` if the store cannot be used."""
        with self._lock:
            if self._dashboard is None:
                self._dashboard = create_dashboard(self._settings)
                atexit.register(self._dashboard.close)
            return self._dashboard

    def leave_on_term(self) -> None:
        """Close all connections on SIGTERM, before the handler of the server: an open WebSocket delays its exit."""
        before = signal.getsignal(signal.SIGTERM)

        def leave(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=self.dashboard().leave, name="leave", daemon=True).start()
            if callable(before):
                before(number, frame)

        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, leave)


try:
    _settings = read_settings(os.environ)
except BadSetting as error:
    sys.exit(f"ert-dashboard: {error}")
log_to_stderr(_settings.log_level)
app = Worker(_settings)
