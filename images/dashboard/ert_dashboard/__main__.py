"""Start command: `python -m ert_dashboard --role web|worker|all`, where a worker only writes reports.

`web` and `all` become gunicorn with the options that the dashboard needs, on `PORT`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.shared import Role
from ert_dashboard.settings import read_settings

_FOLDER = Path(__file__).resolve().parents[1]  # of wsgi.py and gunicorn.conf.py
_GUNICORN = ("-k", "gthread", "-w", "1", "--threads", "100", "--no-control-socket")


def main(arguments: list[str] | None = None) -> int:
    """Run one role until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ert_dashboard", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--role", choices=list(Role), help="default: ERT_DASHBOARD_ROLE, else all")
    options = parser.parse_args(arguments)
    if options.role is not None:
        os.environ["ERT_DASHBOARD_ROLE"] = options.role
    try:
        settings = read_settings(os.environ)
        if settings.role is not Role.WORKER:
            return _serve(settings.port)
        return _work()
    except BadSetting as error:
        sys.stderr.write(f"ert-dashboard: {error}\n")
        return 2


def _serve(port: int) -> int:
    os.chdir(_FOLDER)
    command = [sys.executable, "-m", "gunicorn", *_GUNICORN, "--bind", f"0.0.0.0:{port}", "wsgi:app"]
    os.execv(sys.executable, command)  # noqa: S606 - its own program


def _work() -> int:
    from ert_dashboard.web.app import log_to_stderr
    from ert_dashboard.web.worker import start_worker

    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    settings = read_settings(os.environ)
    log_to_stderr(settings.log_level)
    service = start_worker(settings)
    over.wait()
    service.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
