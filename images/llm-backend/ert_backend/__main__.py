"""Entry point: serves the app over TLS on ERT_BIND with `python -m ert_backend`.

On SIGTERM it first drains: new work is rejected, queued reports are returned to their callers, and the active report
may finish within the grace period. Only then does it stop the server, because a stopped server drops its open
responses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys

from ert_backend.base.clock import boot_seconds, utc_now
from ert_backend.base.logs import SINK, to_stdout
from ert_backend.edge.identity import Identity, ensure
from ert_backend.engine.choose import opened
from ert_backend.service import Service, assemble
from ert_backend.serving import server
from ert_backend.settings import Settings, SettingsError, load

LAST_LINES = 1.0


async def serve(settings: Settings, identity: Identity) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with opened(settings) as engine:
        service = assemble(settings, identity, engine)
        running = server(settings, identity, service)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        serving = asyncio.create_task(running.serve())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await drain(service, settings.drain_grace)
        running.should_exit = True
        stopping.cancel()
        await serving


async def drain(service: Service, grace: float) -> None:
    """Drain the job queue: return queued reports, and wait up to `grace` seconds for the active one.

    The time that is left then is for its client to collect the result. A report that is not finished within `grace` is
    returned as well.
    """
    service.jobs.drain()
    job = service.jobs.active
    if job is None:
        return
    until = boot_seconds() + grace
    try:
        await asyncio.wait_for(job.done.wait(), grace)
        while not job.collected and boot_seconds() < until:
            await asyncio.sleep(0.05)
    except TimeoutError:
        service.jobs.give_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(job.done.wait(), 1)


def main() -> int:
    """Run the service; return exit status 0 after a clean stop, 2 when the environment is invalid."""
    to_stdout()
    log = logging.getLogger("ert_backend")
    try:
        settings = load(os.environ)
        identity = ensure(settings.data_dir, settings.deployment, settings.public_ip, utc_now())
    except (SettingsError, OSError) as error:
        log.error("%s", error)
        SINK.settle(LAST_LINES)
        return 2
    log.info("ERT LLM backend for %s on https://%s:%s", settings.deployment, *settings.bind)
    asyncio.run(serve(settings, identity))
    SINK.settle(LAST_LINES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
