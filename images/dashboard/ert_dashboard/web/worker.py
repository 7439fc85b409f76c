"""Worker process: writes the queued reports and sends their changes to the pages of the web processes. Serves none."""

from __future__ import annotations

import logging

from ert_dashboard.settings import Settings
from ert_dashboard.storage.job import Job
from ert_dashboard.web.live import events_of
from ert_dashboard.web.service import Service, start_service

_LOG = logging.getLogger(__name__)


def start_worker(settings: Settings) -> Service:
    """Start the threads that write reports; raise `BadSetting` if the store is unusable."""
    service = start_service(settings)
    channel = service.channel
    if channel is not None:

        def send(job: Job) -> None:
            for name, body in events_of(service, job):
                channel.manager.emit(name, body, namespace="/")

        service.desk.listen(send)
    service.start()
    _LOG.info("this process writes reports")
    return service
