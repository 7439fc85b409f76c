"""Failures of a fleet: the one error with which a run ends, and what it says of the other replicas.

Where the user has to assign an instance of any replica, that is the error: none of another replica hides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ert_deploy.core.model.errors import ErtError, NeedsAttention, NothingToWake, Undecided, UsageError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import Result
from ert_deploy.engine.decide import left_alone, nothing_rented


def failure(errors: Mapping[int, ErtError], results: Mapping[int, Result]) -> ErtError:
    """Return the error of a fleet, by the errors and the results of its replicas, with what the others have reached.

    It is that of the lowest replica, unless instances are to be assigned. That a replica does not exist comes last.
    """
    first = min(errors, key=lambda number: (isinstance(errors[number], NothingToWake), number))
    error = _question(errors, results) or errors[first]
    told = {number: _result(result) for number, result in results.items()}
    told |= {number: _failed(one) for number, one in errors.items()}
    lines = [f"replica {k}: " + "; ".join(told[k]) for k in sorted(told) if not _said(errors.get(k), error)]
    error.detail = "\n".join(filter(None, (error.detail, *lines)))
    return error


def together(left: Sequence[NeedsAttention]) -> NeedsAttention | None:
    """Return what needs the user as one error: the first, with the others in its detail; None if nothing does."""
    if len(left) < 2:
        return left[0] if left else None
    first, *others = left
    lines = (text for one in others for text in (one.summary, one.detail))
    hints = dict.fromkeys(one.hint for one in left if one.hint)
    return NeedsAttention(first.summary, "\n".join(filter(None, (first.detail, *lines))), "; ".join(hints))


def _question(errors: Mapping[int, ErtError], results: Mapping[int, Result]) -> Undecided | None:
    """Return the error for all instances that the user has to assign; None if there are none."""
    asked = [error for _, error in sorted(errors.items()) if isinstance(error, Undecided)]
    found = dict(one for error in asked for one in error.found)
    found |= doubts(result.situation for _, result in sorted(results.items()))
    if not found:
        return None
    if len(asked) == 1 and len(found) == len(asked[0].found):
        return asked[0]
    blocks = asked or any(isinstance(error, NothingToWake) for error in errors.values())
    return (nothing_rented if blocks else left_alone)(tuple(found.items()))


def doubts(situations: Iterable[Situation]) -> dict[InstanceId, str]:
    """Return all instances that the user has to assign, each with the reason."""
    return {one.instance.id: one.why for situation in situations for one in situation.undecided}


def _said(one: ErtError | None, error: ErtError) -> bool:
    """Whether the error of a replica needs no line: it is this one or a part of it, or the same for all of them."""
    if one is error:
        return True
    if isinstance(one, Undecided):
        return isinstance(error, Undecided) and {*one.found} <= {*error.found}
    return isinstance(one, UsageError) and one.summary == error.summary


def _failed(error: ErtError) -> Iterator[str]:
    yield error.summary
    if isinstance(error, NeedsAttention):
        yield from filter(None, (*error.detail.splitlines(), error.hint))


def _result(result: Result) -> Iterator[str]:
    phase, current = result.situation.desired.phase, result.situation.classified.current
    yield f"instance {current.instance.id}, {phase}" if current is not None else f"{phase}"
    if result.left is not None:
        yield result.left.summary
    if result.unknown_for:
        yield f"an instance of it may still appear within {result.unknown_for:.0f} s"
    yield from (f"{target} could not be updated: {why}" for target, why in result.abandoned)
