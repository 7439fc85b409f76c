"""Errors, named by what to do next.

ErtError                      one line for a person, with a hint and an exit code
+-- UsageError         (2)    the words, the config, a file or a key are not right; what is rented stays rented
|   +-- Damaged        (2)    what is stored as the state cannot be trusted; it can be moved aside and rebuilt
+-- Failed             (1)    we tried and it did not work; what is left running is said
+-- Busy               (3)    somebody else holds the lock
+-- NeedsAttention     (5)    done as far as we can; a person has to look
|   +-- Undecided      (5)    something listed may be ours, and a person has to decide whose it is
|   +-- CannotObserve  (5)    a provider could not be read; never the same as "there is nothing"
+-- Outcome                   what a provider call came to; the engine decides
    +-- Transient             nothing happened; the same call may be repeated
    +-- Rejected              a complete answer says no, and repeating will not help
    +-- StartRefused          a stopped instance cannot run now: its GPU went to somebody else
    +-- Gone                  the thing addressed does not exist (any more)
    +-- OfferGone             the offer was taken by somebody else; the next one may work
    +-- OutcomeUnknown        it may or may not have happened; the same as a crash
    |   +-- CreateRefused     as unknown as the others, but trying another offer will not help
    +-- StateConflict         somebody else wrote the state since we read it
"""

from __future__ import annotations

from ert_deploy.core.model.provider import InstanceId


class ErtError(Exception):
    """Base of all errors that are meant to be read by a person.

    summary: one line. detail: more lines, may be empty. hint: what to try, may be empty.
    """

    exit_code = 1

    def __init__(self, summary: str, detail: str = "", hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.hint = hint


class UsageError(ErtError):
    """Something the user gave us is not right. At the start nothing was done; later, what was done before stays."""

    exit_code = 2


class Damaged(UsageError):
    """What is stored as the state is not one, or not a whole one."""


class Failed(ErtError):
    """It was tried and did not work."""

    exit_code = 1


class Busy(ErtError):
    """Another run holds the lock of this deployment."""

    exit_code = 3


class NeedsAttention(ErtError):
    """Some of it could not be finished or proven; running the command again goes on."""

    exit_code = 5


class Undecided(NeedsAttention):
    """Instances that may be ours stand in the way; `found` has the id of each and why nobody can say whose it is."""

    def __init__(
        self, summary: str, detail: str = "", hint: str = "", found: tuple[tuple[InstanceId, str], ...] = ()
    ) -> None:
        super().__init__(summary, detail or "\n".join(f"instance {number}: {why}" for number, why in found), hint)
        self.found = found


class CannotObserve(NeedsAttention):
    """A provider could not be read in full. It says nothing about what exists there."""


class Outcome(ErtError):
    """What one provider call came to."""


class Transient(Outcome):
    """Nothing happened; the call may be repeated after `after` seconds (None: our own pace)."""

    def __init__(self, summary: str, detail: str = "", hint: str = "", after: float | None = None) -> None:
        super().__init__(summary, detail, hint)
        self.after = after


class Rejected(Outcome):
    """A complete answer says no."""


class StartRefused(Outcome):
    """A complete answer says that the instance does not start now. A start may be queued all the same."""


class Gone(Outcome):
    """The addressed thing does not exist."""


class OfferGone(Outcome):
    """A complete answer says that the offer is not available and that nothing was created."""


class OutcomeUnknown(Outcome):
    """The call may have taken effect. Only looking can tell."""


class CreateRefused(OutcomeUnknown):
    """A create was refused for a reason that other offers share (credit, spend limit, bad request)."""


class StateConflict(Outcome):
    """The state was written by somebody else since it was read."""
