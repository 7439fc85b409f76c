"""Keeper of one deployment: looks at it again and again, starts it on request, and continues what was interrupted.

All requests at one time are one look and at most one run. What is kept between two looks only makes the next one wait
for less: after a restart everything is read from the providers and the state.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from threading import Condition, Event, Thread
from typing import Any

from ert_deploy.agent.answer import READY, UNAVAILABLE, UNREAD, WAKING, Answer, failed, refused
from ert_deploy.agent.choice import ALL, chosen, refused_by
from ert_deploy.agent.flight import Flight
from ert_deploy.agent.view import Counts, Pauses, View, pause
from ert_deploy.app.deployment import Deployment, Progress
from ert_deploy.app.notify.announce import announce
from ert_deploy.app.tending.guard import Tending
from ert_deploy.app.waking.admission import refusal
from ert_deploy.app.waking.look import Look, look, recounted
from ert_deploy.app.waking.session import hosted, steady
from ert_deploy.core.model.errors import Busy, CannotObserve, ErtError, Failed
from ert_deploy.core.verdict.waking import Action, Phase
from ert_deploy.wiring import Session

BETWEEN = 300.0  # seconds at least between the beginnings of two runs without a request
RECENT = 150.0  # seconds for which a look at what sleeps is enough to begin a start
FRESH = 1.0  # seconds for which a look serves requests that start nothing
ENDS_WITHIN = 5.0  # seconds that a run gets to end, before it is left as if killed


class Keeper:
    """One deployment. `unpublished` is why the apps' variables are not changed, empty if they are."""

    def __init__(self, deployment: Deployment, progress: Progress, *, every: float, unpublished: str = "") -> None:
        self.name = deployment.name
        self.unpublished = unpublished
        self.counts, self.view = Counts(), View()
        self._policy = deployment.settings.policy
        self._progress, self._every = progress, every
        self._ending = Event()
        self._deployment = hosted(deployment, self._ending, publishes=not unpublished)
        self._changed = Condition()
        self._asked: Future[Answer] | None = None
        self._landed, self._machines = False, 1
        self._looks, self._runs = Pauses(), Pauses()
        self._session: Session | None = None
        self._needed = Action.NOTHING
        self._tending = Tending(deployment)
        self._looked_at, self._rests, self._early = float("-inf"), float("-inf"), float("inf")
        self._watchers: set[Callable[[], None]] = set()
        self._said: tuple[str, ...] = ()
        self._thread = Thread(target=self._keep, name=f"keeper {self.name}", daemon=True)

    def check(self) -> None:
        """Raise UsageError for what cannot get better by itself: a missing key, or a sandbox that is not running."""
        self._session = self._deployment.session(self._progress)

    def begin(self) -> None:
        """Start to look."""
        self._thread.start()

    def end(self) -> None:
        """Stop looking; a run that is under way is left, and the next one continues it."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
            asked, self._asked = self._asked, None
        if asked is not None:
            asked.set_result(Answer(UNAVAILABLE, UNREAD, "the agent ends", 1))
        if (flight := self.view.flight) is not None:
            flight.join(ENDS_WITHIN)

    @property
    def model(self) -> str:
        """Name of the model that the backend serves."""
        session = self._session
        return (session.desired if session is not None else self._deployment.settings.desired).launch.model

    @property
    def alive(self) -> bool:
        """Whether it still looks; False means a defect."""
        return self._thread.is_alive()

    @property
    def age(self) -> float:
        """Seconds since the last look that read everything; infinite before the first one."""
        return steady() - self._looked_at

    def ask(self, machines: int = 1) -> Future[Answer]:
        """Request that so many are ready; all until its result share it. During a run it is given at once."""
        with self._changed:
            self._machines = max(self._machines, machines)
            if self._asked is not None:
                return self._asked
            answer: Future[Answer] = Future()
            if (known := self._known(machines)) is not None:
                answer.set_result(known)
            else:
                self._asked = answer
                self._changed.notify_all()
            return answer

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have a function called on every change, in the thread that made it; return the one that ends this."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def _known(self, machines: int) -> Answer | None:
        """Return the response that needs no look."""
        ready = self.view.ready(machines)
        if self.view.flight is not None:
            return Answer(READY if ready else WAKING)
        if ready and self._fresh:
            return Answer(READY)
        if self._looks.last is not None and self._looks.left:
            return failed(self._looks.last, round(self._looks.left) + 1)
        return None

    @property
    def _fresh(self) -> bool:
        """Whether the last look is so young that requests share it, too."""
        return self._looks.last is None and self.age < FRESH

    def _keep(self) -> None:
        while not self._ending.is_set():
            known = self._fresh
            if not known:
                self._look()
            with self._changed:
                asked, machines, self._asked, self._machines = self._asked, self._machines, None, 1
            if asked is not None:
                asked.set_result(self._decide(machines))
            elif not known:
                self._look_after()
            with self._changed:
                if self._asked is None and not self._landed:
                    self._changed.wait(self._pause())
                self._landed = False

    def _look(self) -> None:
        before = self.view.look
        try:
            self._session = self._session or self._deployment.session(self._progress)
            seen = self._seen(self._session, before)
        except ErtError as error:
            self._unread(error)
        except Exception as error:  # the agent outlives a defect; its text may contain a key
            self._unread(Failed(f"unforeseen {type(error).__name__} while looking at {self.name}"))
        else:
            missing = CannotObserve(seen.waking.reason) if seen.waking.phase is Phase.UNKNOWN else None
            self.counts.failed_looks += missing is not None
            if missing is None and seen.at != (before.at if before is not None else 0.0):
                self._looked_at = steady()
            self._looks.note(missing)
            self._announce(seen)
            known = seen.reached if missing is None else self.view.reached
            self._show(look=seen, error=None, busy=self.view.busy and self._runs.left > 0, reached=known)

    def _seen(self, session: Session, before: Look | None) -> Look:
        """Look; for a request while it sleeps, a recent look is enough, so that the start is not delayed."""
        asleep = before is not None and before.waking.phase is Phase.ASLEEP and before.exists
        if before is not None and asleep and self._asked is not None and self._looks.last is None and self.age < RECENT:
            return recounted(before, session, self._policy)
        return look(session, self._policy, before.running if before is not None else frozenset())

    def _unread(self, error: ErtError) -> None:
        self._session = None
        self.counts.failed_looks += 1
        self._looks.note(error)
        if self.view.error is None or self.view.error.summary != error.summary:
            self._progress.note(error.summary)
        self._show(error=error)

    def _announce(self, seen: Look) -> None:
        for text in (one for one in seen.announcements if one not in self._said):
            self._progress.note(text)
        self._said = seen.announcements
        announce(self._deployment, seen.findings)
        for said in self._tending.tend_all(seen.guards, self._session, self.view.action):
            self._progress.note(said)
        speed = self._session.speed if self._session is not None else 1.0
        self._early = self._tending.rest(seen.resting if self.view.flight is None else None) / speed

    def _decide(self, machines: int) -> Answer:
        """Decide a request by the last look, and begin a run if it is due."""
        if (known := self._known(machines)) is not None:
            return known
        seen = self.view.look
        assert seen is not None, "a look that failed is known"
        if (only := chosen(seen, machines)) is None:
            return Answer(READY)
        if self._runs.last is not None and self._runs.left:
            return failed(self._runs.last, round(self._runs.left) + 1)
        if (no := refused_by(seen, self._policy)) is not None:
            return refused(no)
        self._begin(Action.WAKE, only)
        return Answer(WAKING)

    def _look_after(self) -> None:
        """Do what the deployment needs, once two looks have shown the need."""
        seen, before = self.view.look, self._needed
        if seen is None or self.view.error is not None or self.view.flight is not None:
            return
        self._needed = seen.need.action
        if self._needed is Action.NOTHING and self._early <= 0 and refusal(seen, self._policy) is None:
            if reason := self._tending.begin(seen.resting):
                self._progress.note(f"{Action.WAKE}: {reason}")
                self._begin(Action.WAKE, ALL)
            return
        if self._needed is Action.NOTHING or self._needed is not before or self._runs.left or steady() < self._rests:
            return
        if self._needed is Action.WAKE and refused_by(seen, self._policy) is not None:
            return
        self._rests = steady() + BETWEEN
        self._progress.note(f"{self._needed}: {seen.need.reason}")
        self._begin(self._needed, seen.needs)

    def _begin(self, action: Action, only: frozenset[int]) -> None:
        flight = Flight(self._deployment, action, self._progress, lambda error: self._land(flight, error), only)
        self._needed = Action.NOTHING
        self._show(flight=flight, busy=False)
        flight.begin()

    def _land(self, flight: Flight, error: ErtError | None) -> None:
        """Note the end of a run, in its thread, and look again."""
        busy = isinstance(error, Busy)
        with self._changed:
            self.counts.ended(flight.action.value, error)
            self._runs.note(error)
            self._landed = True
            if error is not None and not busy:
                self._progress.note(f"{flight.action}: {error.summary}")
            self._looked_at = float("-inf")
            self._show(flight=None, busy=busy)
            self._changed.notify_all()

    def _pause(self) -> float:
        every = min(self._every, self._tending.awake.within)
        found = pause(self.view, every, needed=self._needed is not Action.NOTHING, early=self._early)
        return found if self._looks.last is None else self._looks.left

    def _show(self, **changes: Any) -> None:
        with self._changed:
            self.view = replace(self.view, **changes)
        for watcher in tuple(self._watchers):
            watcher()
