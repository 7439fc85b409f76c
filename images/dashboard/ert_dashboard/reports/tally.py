"""Counters of finished reports, by their outcome and by the time that the backend had for each. No I/O.

The counts are made from the store at each look, so that a process which writes no reports itself has them too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ert_dashboard.base.exposition import Histogram
from ert_dashboard.storage.job import FINISHED, Job, Status

SECONDS = (10, 20, 30, 60, 90, 120, 180, 300, 600, 1800)
MOST = 500  # finished reports between two looks that are included


class Tally:
    """Counts of the reports that were finished after Unix time `since`, each once."""

    def __init__(self, since: float) -> None:
        self.counts: Counter[Status] = Counter(dict.fromkeys(sorted(FINISHED), 0))
        self.seconds = Histogram(SECONDS)
        self._since = since
        self._known: frozenset[str] = frozenset()

    def see(self, jobs: Iterable[Job]) -> None:
        """Count those of the newest jobs that are finished, each once."""
        done = [job for job in jobs if job.over and job.finished is not None and job.finished >= self._since]
        for job in done:
            if job.report_id not in self._known:
                self._count(job, job.finished or 0.0)
        self._known = frozenset(job.report_id for job in done)

    def _count(self, job: Job, finished: float) -> None:
        self.counts[job.status] += 1
        begun = job.accepted or job.started
        if job.status is Status.COMPLETED and begun is not None:
            self.seconds.add(max(0.0, finished - begun))
