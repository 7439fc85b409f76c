"""Receiver of a run's events that keeps those that a notice is made of, and forwards all."""

from __future__ import annotations

from dataclasses import dataclass, field

from ert_deploy.app.deployment import Progress
from ert_deploy.core.model.events import Event, plain
from ert_deploy.core.notices.of_run import USED


@dataclass(slots=True)
class Heard:
    """Forwards everything to `progress`; `events` are those that matter for notices."""

    progress: Progress
    events: list[Event] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        """Keep the event if a notice may be made of it, and forward it."""
        if isinstance(own := plain(event), USED):
            self.events.append(own)
        self.progress.tell(event)

    def note(self, text: str) -> None:
        """Forward the line."""
        self.progress.note(text)
