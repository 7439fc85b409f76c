"""Flight: one run of `wake` or `sleep` in a thread of its own, with what is known of its progress."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from ert_deploy.app import lifecycle
from ert_deploy.app.deployment import Deployment, Progress
from ert_deploy.app.waking.session import Ended
from ert_deploy.core.launching.progress import shown_stage
from ert_deploy.core.model import events
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.errors import ErtError, Failed
from ert_deploy.core.verdict.waking import Action, share


class Flight:
    """A run that has begun. `landed` is called at its end, with its error or None; not if the agent ends meanwhile.

    `stage` and `share` (0 to 1) are those of the machine that boots, None if there is none. It is of the replicas in
    `only`, or of all if that is empty.
    """

    def __init__(
        self,
        deployment: Deployment,
        action: Action,
        progress: Progress,
        landed: Callable[[ErtError | None], None],
        only: frozenset[int],
    ) -> None:
        self.action = action
        self.stage: LaunchStage | None = None
        self.share: float | None = None
        self._deployment, self._progress, self._landed, self._only = deployment, progress, landed, only
        self._thread = Thread(target=self._run, name=f"{action} {deployment.name}", daemon=True)

    def begin(self) -> None:
        """Start it."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait at most so long for its end."""
        self._thread.join(seconds)

    def tell(self, event: events.Event) -> None:
        """Note the progress of the boot, and pass the event on."""
        own = events.plain(event)
        if isinstance(own, events.Renting):
            self.stage, self.share = LaunchStage.RENT, None
        elif isinstance(own, events.Booting):
            self.stage, self.share = shown_stage(own.instance, own.health), share(own.health)
        self._progress.tell(event)

    def note(self, text: str) -> None:
        """Pass the line on."""
        self._progress.note(text)

    def _run(self) -> None:
        run = lifecycle.wake if self.action is Action.WAKE else lifecycle.sleep
        try:
            run(self._deployment, progress=self, only=self._only)
        except ErtError as error:
            self._landed(error)
        except Ended:
            return
        except Exception as error:  # the agent outlives a defect; its text may contain a key
            self._landed(Failed(f"unforeseen {type(error).__name__} in `{self.action}`"))
        else:
            self._landed(None)
