"""Start command: `python -m ert_dashboard --role web|worker|all`, where a worker only writes reports.

`web` and `all` serve on `PORT` with a server on which an open connection costs no thread.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.shared import Role
from ert_dashboard.settings import Settings, read_settings


def main(arguments: list[str] | None = None) -> int:
    """Run one role until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ert_dashboard", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--role", choices=list(Role), help="default: ERT_DASHBOARD_ROLE, else all")
    parser.add_argument("--host", default="0.0.0.0", help="address to serve on; default: every one")  # noqa: S104
    options = parser.parse_args(arguments)
    if options.role is not None:
        os.environ["ERT_DASHBOARD_ROLE"] = options.role
    try:
        settings = read_settings(os.environ)
        if settings.role is not Role.WORKER:
            return _serve(settings, options.host)
        return _work()
    except BadSetting as error:
        sys.stderr.write(f"ert-dashboard: {error}\n")
        return 2


def _serve(settings: Settings, host: str) -> int:
    from ert_dashboard.server.serve import serve
    from ert_dashboard.web.app import log_to_stderr

    log_to_stderr(settings.log_level)
    serve(settings, host)
    return 0


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
