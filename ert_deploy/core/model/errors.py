"""Exceptions, grouped by the action to take next.

ErtError                      base class: one line for the user, with a hint and an exit code
+-- UsageError         (2)    invalid arguments, config, file or key; running instances remain
|   +-- Damaged        (2)    the stored state is invalid; it can be renamed and rebuilt
|   +-- NoSuchService  (2)    the web host has no service of that name or id
|   +-- NothingToWake  (2)    a deployment that does not exist cannot be woken
|   +-- LoginRequired  (2)    the app requires a login, and no password was given
+-- Failed             (1)    an operation failed; the message names anything left running
|   +-- OverBudget     (1)    a run would cost more than plan/max_cost
+-- Busy               (3)    another process holds the lock
+-- NeedsAttention     (5)    partially completed; requires an action of the user
|   +-- Undecided      (5)    the owner of an instance is not certain; the user has to assign it
|   +-- BudgetSpent    (5)    nothing is left of the budget of the day or of the month
|   +-- CannotObserve  (5)    a provider could not be read; never treated as an empty result
+-- Outcome                   result of a provider call, handled by the engine
    +-- Transient             no effect; the same call may be repeated
    +-- Rejected              a complete response with an error; a retry will not help
    +-- StartRefused          a stopped instance cannot run now: the GPU is rented to another customer
    +-- Gone                  the addressed resource does not exist (any more)
    +-- OfferGone             the offer is already rented; the next one may work
    +-- OutcomeUnknown        it may or may not have taken effect; handled as after a crash
    |   +-- CreateRefused     as uncertain as its base class, but other offers would fail too
    +-- StateConflict         another process wrote the state since it was read
"""

from __future__ import annotations

from ert_deploy.core.model.provider import InstanceId


class ErtError(Exception):
    """Base class of all errors that are meant for the user.

    summary: one line. detail: more lines, may be empty. hint: suggested fix, may be empty.
    """

    exit_code = 1

    def __init__(self, summary: str, detail: str = "", hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.hint = hint


class UsageError(ErtError):
    """The user's input is invalid. At startup no change has been made; later, earlier changes remain."""

    exit_code = 2


class Damaged(UsageError):
    """The stored state is invalid or incomplete."""


class NoSuchService(UsageError):
    """The web host has no service of that name or id, or does not show it to this key."""


class NothingToWake(UsageError):
    """The deployment, or this replica of it, does not exist."""


class LoginRequired(UsageError):
    """The app requires a login, and no password was given."""


class Failed(ErtError):
    """An operation was attempted and failed."""

    exit_code = 1


class OverBudget(Failed):
    """It would cost more than the config allows."""


class Busy(ErtError):
    """Another run holds the lock."""

    exit_code = 3


class NeedsAttention(ErtError):
    """Part of the work could not be completed or checked; the next run of the command continues."""

    exit_code = 5


class Undecided(NeedsAttention):
    """Unassigned instances block the run; `found` has their ids and the reasons."""

    def __init__(
        self, summary: str, detail: str = "", hint: str = "", found: tuple[tuple[InstanceId, str], ...] = ()
    ) -> None:
        super().__init__(summary, detail or "\n".join(f"instance {number}: {why}" for number, why in found), hint)
        self.found = found


class CannotObserve(NeedsAttention):
    """A provider could not be read completely, so its resources are unknown."""


class BudgetSpent(NeedsAttention):
    """The budget of the day or of the month does not allow to start a GPU."""


class Outcome(ErtError):
    """Result of one provider call."""


class Transient(Outcome):
    """The call had no effect; it may be repeated after `after` seconds (None: the default interval)."""

    def __init__(self, summary: str, detail: str = "", hint: str = "", after: float | None = None) -> None:
        super().__init__(summary, detail, hint)
        self.after = after


class Rejected(Outcome):
    """The provider returned a complete error response."""


class StartRefused(Outcome):
    """The provider's complete response says that the instance cannot start now. The start may still be queued."""


class Gone(Outcome):
    """The addressed resource does not exist."""


class OfferGone(Outcome):
    """The provider's complete response says that the offer is not available and no instance was created."""


class OutcomeUnknown(Outcome):
    """The call may have taken effect. Only the next read can determine it."""


class CreateRefused(OutcomeUnknown):
    """A create failed for a reason shared by all offers (credit, spend limit, bad request)."""


class StateConflict(Outcome):
    """Another process wrote the state since it was read."""
