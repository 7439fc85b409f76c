"""What gunicorn loads: `gunicorn -k gthread -w 1 --threads 100 --no-control-socket --bind 0.0.0.0:$PORT wsgi:app`.

One worker only: the queue and its threads live in it. Render starts gunicorn with `--preload`, which imports this
module in a parent that forks afterwards, and threads do not survive a fork. So importing starts nothing: the worker
does, from `gunicorn.conf.py`, and under any other server the first request does.
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
    """The WSGI application of this process; the dashboard behind it is made once, in the process that serves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._dashboard: Dashboard | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self.dashboard().app(environ, start_response)

    def dashboard(self) -> Dashboard:
        """The running dashboard, started now if it is not. Raises `BadSetting` for a store that cannot be used."""
        with self._lock:
            if self._dashboard is None:
                self._dashboard = create_dashboard(self._settings)
                atexit.register(self._dashboard.close)
            return self._dashboard

    def leave_on_term(self) -> None:
        """Before the server's own handler: an open WebSocket would keep the worker until it is killed."""
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
