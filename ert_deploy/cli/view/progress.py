"""Status output on stderr: one live line on a terminal, plain lines otherwise. stdout is reserved for data."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import IO, Protocol, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from ert_deploy.cli.rows import HANGING, fitted
from ert_deploy.cli.streams import Painted, SafeStream, safe
from ert_deploy.cli.view.boot import Boots
from ert_deploy.cli.view.lines import line, passing
from ert_deploy.core.model import events

# Of the terminal's own palette, those that can be read on a light and on a dark background; no yellow, cyan or dim.
STYLES = {events.Verified: "green", events.Proven: "green", events.Rented: "bold", events.Trouble: "bold magenta"}


class View(Protocol):
    """Context manager that receives events."""

    def tell(self, event: events.Event) -> None:
        """Show one event."""

    def note(self, text: str) -> None:
        """Show one line of text."""

    def __enter__(self) -> View: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


LOOKING = "looking around"


def make_view(doing: str = LOOKING) -> View:
    """Return the view for the type of stderr; its live line names what is done until an event does."""
    # Drawing uses its own stream, as the filtered stderr strips all control characters.
    drawing = Painted(sys.stderr.target) if isinstance(sys.stderr, SafeStream) else None
    console = Console(file=cast("IO[str] | None", drawing), stderr=True, highlight=False)
    return LiveView(console, doing) if console.is_terminal and not console.is_dumb_terminal else PlainView()


def _fleeting(boots: Boots, event: events.Event) -> str:
    """Return the line of what is going on; empty if the event does not change it."""
    if isinstance(event, events.OfReplica):
        text = _fleeting(boots, event.event)
        return f"replica {event.replica}: {text}" if text else ""
    return boots.line(event) if isinstance(event, events.Booting) else passing(event)


class PlainView:
    """Plain lines for logs and CI: events, and the reason for waiting when it changes."""

    def __init__(self) -> None:
        self._shown: dict[int, str] = {}
        self._boots = Boots()

    def tell(self, event: events.Event) -> None:
        """Write the line of the event or the reason for waiting, unless it was the last one of its replica."""
        replica = event.replica if isinstance(event, events.OfReplica) else 1
        waiting = "" if isinstance(events.plain(event), events.Started) else _fleeting(self._boots, event)
        text = line(event) or waiting
        # "booting 12 s: pulling the model 43% (...)" is repeated if the text changes, not the numbers.
        said = "".join(c for c in text if not c.isdigit()) if waiting else text
        if text and said != self._shown.get(replica):
            self._shown[replica] = said
            self.note(text)

    def note(self, text: str) -> None:
        """Print one line."""
        print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> PlainView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """No cleanup needed."""


CUT = "..."


class OneRow:
    """Text that never takes a second row: cut at the width that the terminal has when it is drawn."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the text; what does not fit ends with CUT. A wide character counts twice."""
        text = self.text
        if cell_len(text) > options.max_width:
            text = set_cell_size(text, max(0, options.max_width - len(CUT))).rstrip() + CUT
        yield Text(text, no_wrap=True, overflow="crop")


class LiveView:
    """Permanent lines, and below them one live line with a spinner."""

    def __init__(self, console: Console, doing: str = LOOKING) -> None:
        self._console = console
        self._shown = ""
        self._boots = Boots()
        # The spinner of dots is Braille, which a legacy code page lacks.
        spinner = "dots" if not console.options.ascii_only else "line"
        self._status: Status = console.status(doing, spinner=spinner)

    def tell(self, event: events.Event) -> None:
        """Print the line of the event, or show its temporary line in the live line."""
        text = line(event)
        if text and text != self._shown:
            self._shown = text
            self._say(text, STYLES.get(type(events.plain(event)), ""))
        elif fleeting := _fleeting(self._boots, event):
            self._status.update(OneRow(safe(fleeting)))

    def note(self, text: str) -> None:
        """Print one line above the live line."""
        self._say(text)

    def _say(self, text: str, style: str = "") -> None:
        """Print a line above the live one. A long one goes on in the next line at a space, under its own text."""
        shown = "\n".join(fitted(one, HANGING) for one in safe(text).split("\n"))
        self._console.print(escape(shown), style=style, soft_wrap=True)

    def __enter__(self) -> LiveView:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
