"""Notice: one line about a deployment for a person who is not looking, and which of them were sent already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ert_deploy.core.model.text import printable

MOST_REMEMBERED = 256  # keys of conditions; a deployment has a handful
LONGEST = 400  # characters of one line


class Kind(StrEnum):
    """What a notice is about."""

    WAKE = "wake"
    SLEEP = "sleep"
    REPLACED = "replaced"
    OUTBID = "outbid"
    BUDGET = "budget"
    ORPHAN = "orphan"
    KEY_ROTATED = "key_rotated"
    CONTRACT_END = "contract_end"
    PRICE = "price"
    OFF_SWITCH = "off_switch"
    UNHEALTHY = "unhealthy"


class Severity(StrEnum):
    """How bad it is; the names are those of Apprise."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


TITLES = {
    Kind.WAKE: "awake",
    Kind.SLEEP: "asleep",
    Kind.REPLACED: "machine replaced",
    Kind.OUTBID: "GPU lost",
    Kind.BUDGET: "money",
    Kind.ORPHAN: "machine without an owner",
    Kind.KEY_ROTATED: "key rotated",
    Kind.CONTRACT_END: "contract ends",
    Kind.PRICE: "price rises",
    Kind.OFF_SWITCH: "off-switch not proven",
    Kind.UNHEALTHY: "not healthy",
}
SEVERITIES = {
    Kind.WAKE: Severity.SUCCESS,
    Kind.OUTBID: Severity.WARNING,
    Kind.BUDGET: Severity.FAILURE,
    Kind.ORPHAN: Severity.WARNING,
    Kind.CONTRACT_END: Severity.WARNING,
    Kind.PRICE: Severity.WARNING,
    Kind.OFF_SWITCH: Severity.FAILURE,
    Kind.UNHEALTHY: Severity.FAILURE,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One line. `subject` is the instance, app or limit that it is about.

    `event`: it has just happened, and is sent each time. `lasts`: it is a condition, which is remembered until it is
    over, so that the next look does not send it again. A notice can be both: `sleep` has just stopped a machine.
    """

    kind: Kind
    text: str
    subject: str = ""
    event: bool = False
    lasts: bool = True

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return f"{self.kind}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Findings:
    """The notices of one run or one look. `over` are beginnings of keys: a remembered condition with one of them
    is over if it is not among the notices.
    """

    notices: tuple[Notice, ...] = ()
    over: tuple[str, ...] = ()

    def without(self, kinds: Iterable[str]) -> Findings:
        """Return the findings without the notices of these kinds."""
        muted = frozenset(kinds)
        return Findings(tuple(n for n in self.notices if n.kind not in muted), self.over)

    def joined(self, other: Findings) -> Findings:
        """Return both findings as one."""
        return Findings((*self.notices, *other.notices), (*self.over, *other.over))

    def news(self, told: frozenset[str]) -> tuple[Notice, ...]:
        """Return what was not sent yet, if conditions with the keys `told` were."""
        return tuple(n for n in self.notices if n.event or n.key not in told)

    def remembered(self, told: frozenset[str]) -> frozenset[str]:
        """Return the keys of the conditions that last, given those that were known before."""
        stands = {n.key for n in self.notices if n.lasts}
        before = sorted(key for key in told - stands if not key.startswith(self.over))
        return frozenset([*sorted(stands), *before][:MOST_REMEMBERED])


NOTHING_FOUND = Findings()


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: plain text without secrets, terminal sequences or overlong lines."""

    title: str
    body: str
    severity: Severity


def message(deployment: str, notices: tuple[Notice, ...]) -> Message:
    """Return one message for at least one notice; it is as bad as the worst of them."""
    lines = [printable(f"{TITLES[n.kind]}: {n.text}", LONGEST) for n in notices]
    title = TITLES[notices[0].kind] if len(notices) == 1 else f"{len(notices)} notices"
    worst = max((SEVERITIES.get(n.kind, Severity.INFO) for n in notices), key=list(Severity).index)
    return Message(f"{deployment}: {title}", "\n".join(lines), worst)
