"""What a failed machine left behind: host's message, exit code and last log lines, kept after it is destroyed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import inert, printable
from ert_deploy.core.redaction import Redactor

MOST_FAILURES = 6  # in a state, at most about 20 kB
LINES = 12  # of a log
WIDTH = 240  # characters of a line
TAIL = 200  # lines to ask for, so that long ones that are cut still leave enough
SHOWN = 6  # lines of a log in the message of a command
NO_LOG = "(no log: "  # the beginning of the `log` of a machine whose log could not be read
_NOISE = re.compile(r'"logger": "ert_backend\.requests"')  # a line per request, which explains no failure
_EXIT = re.compile(r"\bexit(?:ed)?(?:\s+with)?(?:\s+(?:code|status))?[\s:(=]+(\d{1,3})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """A machine that failed, at the time `at`. `reason` is why it was given up, `status` how its provider listed it.

    `message` is the host's, `exit_code` the container's if anybody said it, `log` the last lines, without secrets.
    """

    id: InstanceId
    machine_id: str
    at: float
    reason: str
    status: str = ""
    message: str = ""
    exit_code: str = ""
    log: str = ""

    def lines(self) -> tuple[str, ...]:
        """Return the last lines of the log."""
        return tuple(self.log.splitlines()[-SHOWN:])


def exit_code(*texts: str) -> str:
    """Return the exit code of the container in the first of the texts that has one; empty if none does."""
    return next((found[1] for text in texts if (found := _EXIT.search(text))), "")


def last_lines(log: str, *secrets: str, most: int = LINES) -> str:
    """Return the `most` last lines of a log, without secrets, values of secret names, and control sequences."""
    redactor = Redactor()
    redactor.hold(*secrets)
    redactor.hold_assigned(log)
    kept = [line for line in inert(redactor.clean(log)).splitlines() if line.strip() and not _NOISE.search(line)]
    return "\n".join(printable(line, WIDTH) for line in kept[-most:])
