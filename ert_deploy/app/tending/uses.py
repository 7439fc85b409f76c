"""Uses of one deployment as its agents saw them, kept beside the state: over restarts, and by two agents together.

It is written when an idle time ends, when a quarter of an hour has its first request, and around an early start: never
for a look alone. Where it cannot be read or written, an agent goes on with what it has seen itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ert_deploy.app.deployment import Deployment
from ert_deploy.core.idle.guard import NEWS
from ert_deploy.core.idle.history import uses
from ert_deploy.core.idle.kept import USED, Early, Kept, kept
from ert_deploy.core.idle.learned import Gap
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.store_ports import NoticeMemory

Change = Callable[[Kept], Kept]


class Uses:
    """Idle times, requests and early starts. `trouble` is why they were not stored last, empty if they were."""

    def __init__(self, deployment: Deployment) -> None:
        self.kept = Kept()
        self.trouble = ""
        self._deployment = deployment
        self._store: NoticeMemory | None = None
        self._worked: float | None = None
        self._start: tuple[Early, float] | None = None

    def read(self) -> None:
        """Read what is stored, unless that was done before."""
        if self._store is None:
            self._change(lambda now: now)

    def see(self, at: float, idle: float, least: float, history: Iterable[Happened]) -> None:
        """Take into account that the machine had no work for `idle` seconds at `at`, also across a sleep.

        Idle times of at most `least` seconds are of no use to a policy, and are not kept.
        """
        self.read()
        wanted, early, gap, worked = uses(history).wanted, self.kept.open, None, at - idle
        if early is not None and not self._used(early, worked, idle):
            return  # its first request is still to come
        if self._worked is not None and worked > self._worked + NEWS:
            gap = Gap(self._worked, worked - self._worked)
            wanted = (*wanted, worked)
        if self._worked is None or gap is not None:
            self._worked = worked

        def change(now: Kept) -> Kept:
            if early is not None and early in now.early:
                now = now.ending(early, USED, 0.0).with_wanted((max(worked, early.ready + 1),))
            now = now.with_wanted(wanted)
            return now.with_gap(gap) if gap is not None and gap.length > least else now

        if change(self.kept) is not self.kept:
            self._change(change)

    def _used(self, early: Early, worked: float, idle: float) -> bool:
        """Whether a machine that was started in advance was used. Its own start counts as work at first."""
        if self._start is None or self._start[0] != early:
            self._start = early, worked
        return idle == 0 or worked > self._start[1] + NEWS

    def begin(self, early: Early, budget: float) -> bool:
        """Set the $ of an early start aside, durably; return whether it may begin.

        It may not if the budget of the day does not allow it, if another agent has one for this time, or if that
        cannot be stored.
        """
        taken = False

        def change(now: Kept) -> Kept:
            nonlocal taken
            after = now if now.spent(early.begun) + early.cost > budget else now.beginning(early)
            taken = after is not now
            return after

        self._change(change)
        return taken and not self.trouble

    def end(self, early: Early, change: Change) -> None:
        """Note the end of an early start that was not used."""
        self._change(lambda now: change(now) if early in now.early else now)

    def _change(self, change: Change) -> None:
        from ert_deploy.adapters.clock import RealClock
        from ert_deploy.stores import notice_memory

        found = [self.kept]

        def changed(lines: frozenset[str]) -> frozenset[str]:
            before = kept(lines)
            found[:] = [change(before)]
            return lines if found[0] is before else found[0].lines()

        try:
            self._store = self._store or notice_memory(self._deployment.settings, RealClock(), "uses")
            self._store.change(changed)
        except ErtError as error:
            self.trouble, self.kept = error.summary, change(self.kept)
        else:
            self.trouble, self.kept = "", found[0]
