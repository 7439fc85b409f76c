"""Sending of one message to several addresses: a child process with a deadline, so that no receiver holds up a command.

The addresses, which may contain passwords, go through its standard input: they are in no argument, and the child gets
no variable whose name is that of a secret. What was not confirmed at the deadline counts as not sent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.core.model.secret import Secret
from ert_deploy.core.notices.notice import Message
from ert_deploy.core.redaction import is_secret_name

DEADLINE = 10.0  # real seconds for all addresses together
STARTUP = 5.0  # more for the child itself: Apprise loads a hundred modules
ROOT = Path(__file__).resolve().parents[3]  # where the package lies, however this process found it
LONGEST = 60  # characters of a reason
LATE = (-signal.SIGALRM, -signal.SIGKILL)  # how the child ends at its deadline


@dataclass(frozen=True, slots=True)
class Receipt:
    """Whether the service behind an address accepted the message; `at` counts from 1. `reason` is empty if it did."""

    at: int
    service: str
    reason: str = ""

    @property
    def taken(self) -> bool:
        """Whether it was accepted."""
        return not self.reason


def send(
    addresses: Sequence[Secret], message: Message, *, loopback_only: bool, seconds: float = DEADLINE
) -> tuple[Receipt, ...]:
    """Send the message to each address and return one receipt for each; takes `seconds` and STARTUP at most.

    `loopback_only`: only addresses on this machine are reached. Never raises for what a receiver does.
    """
    order = {
        "addresses": [one.reveal() for one in addresses],
        "title": message.title,
        "body": message.body,
        "severity": message.severity.value,
        "loopback_only": loopback_only,
        "seconds": seconds,
    }
    said, code = _child(json.dumps(order), seconds + STARTUP)
    found = {one.at: one for one in _receipts(said)}
    reason = f"no response within {seconds:g} s" if code in LATE else f"the process that sends it failed ({code})"
    return tuple(found.get(at, Receipt(at, "", reason)) for at in range(1, len(addresses) + 1))


def _child(order: str, seconds: float) -> tuple[str, int]:
    """Run the child and return what it wrote until then, and its exit code."""
    # -P: no module of the working directory is imported.
    command = [sys.executable, "-P", "-m", "ert_deploy.adapters.notify.child"]
    child = subprocess.Popen(
        command,
        env=_environment(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        return child.communicate(order, timeout=seconds)[0], child.returncode
    except subprocess.TimeoutExpired:
        _kill(child)
        return child.communicate()[0], child.returncode
    except BaseException:
        _kill(child)
        raise


def _kill(child: subprocess.Popen[str]) -> None:
    """End the child and all that it has started, before its id can be given to another process."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without secrets, and with the place of this package."""
    kept = {name: value for name, value in env.items() if not is_secret_name(name) and "URL" not in name}
    places = (str(ROOT), kept.get("PYTHONPATH", ""))
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def _receipts(said: str) -> Iterator[Receipt]:
    """Yield the receipts in the lines of the child; a line that was cut off is none."""
    for line in said.splitlines():
        with suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            yield Receipt(int(row["at"]), str(row["service"])[:LONGEST], str(row["reason"])[:LONGEST])
