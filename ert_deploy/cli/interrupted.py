"""Ctrl-C: tells what bills now and what it costs, or that nothing does."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from ert_deploy.app.assist.billing import Billing
from ert_deploy.core.model.text import per_hour

LOOK_SECONDS = 10.0
# Commands that only read: after Ctrl-C everything is as it was.
READING = frozenset(
    {
        "plan", "status", "doctor", "offers", "logs", "events", "ask", "connection", "report", "image", "init",
        "render-yaml", "state", "completion",
    }
)  # fmt: skip


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a command; `command` is its name and `config` the value of `-c`.

    `report` is the id of a report that is written all the same; empty if there is none.
    """

    def __init__(self, command: str, config: str | None) -> None:
        super().__init__()
        self.command = command
        self.config = config
        self.report = ""


def summary(error: BaseException) -> tuple[str, str]:
    """Return what to print after Ctrl-C: what is so, and the next command. It may read the provider once."""
    if not isinstance(error, Interrupted):
        return "interrupted", "`ert-deploy status` shows what bills now, `ert-deploy down` destroys it"
    if error.report:
        named = f" -c {shlex.quote(error.config)}" if error.config else ""
        said = f"interrupted; report {error.report} is still written"
        return said, f"`ert-deploy report --follow {error.report}{named}` returns to it"
    if error.command in READING:
        return "interrupted; this command changes nothing, so that all is as it was", ""
    again = "run the same command again to continue, or `ert-deploy down` to destroy what is rented"
    click.echo("\ninterrupted. Rented instances remain; reading what bills now (Ctrl-C again skips that)", err=True)
    try:
        with _limited():
            return f"interrupted. {_bills(_look(error.config))}", again
    except KeyboardInterrupt:
        unread = "what bills now was not read"
    except Exception as problem:  # no fault may hide that something could be rented
        unread = f"what bills now could not be read ({getattr(problem, 'summary', type(problem).__name__)})"
    return f"interrupted; {unread}. Rented instances remain", f"`ert-deploy status` shows them; {again}"


def _look(config: str | None) -> Billing:
    from ert_deploy.app.assist import billing

    return billing.billing(config)


def _bills(found: Billing) -> str:
    """Return one sentence or two: each instance with its price, and what may still appear."""
    real = " in the sandbox, which costs nothing" if found.sandbox else ""
    each = [
        f"instance {b.instance}{' (asleep, its disk)' if b.asleep else ''} {per_hour(b.hourly)}"
        for b in found.instances
    ]
    said = f"Billing now{real}: {', '.join(each)}" if each else "Nothing is billing"
    if len(each) > 1:
        said += f"; together {per_hour(found.hourly)}"
    if found.unsettled:
        said += f". {found.unsettled} create calls have no known outcome yet, so that more may appear"
    return said


@contextmanager
def _limited() -> Iterator[None]:
    """End the block by KeyboardInterrupt on another Ctrl-C, and after `LOOK_SECONDS`."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
