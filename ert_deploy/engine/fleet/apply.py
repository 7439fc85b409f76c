"""Main entry of a fleet: `apply_fleet(desired, memories)` runs every replica to its end, as `apply` runs one."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.core.model.replica import one_replica
from ert_deploy.engine.apply import Result
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet.document import as_replica
from ert_deploy.engine.fleet.member import Member
from ert_deploy.engine.fleet.turns import Fleet
from ert_deploy.engine.observe import observe
from ert_deploy.engine.rotate import Rotated, must_serve, rotated
from ert_deploy.engine.run_context import RunMemory


def apply_fleet(
    desired: Desired, memories: dict[int, RunMemory], only: frozenset[int] = frozenset()
) -> Effects[dict[int, Result]]:
    """Reach the desired state of all replicas, each with its memory; return their results by number.

    With `only`, the others stay as they are, but count for what may be paid and where.
    Replicas above their number are removed. One that fails does not end the others: the error of the lowest one is
    raised once they are done, with what they reached in its detail. Raises what `apply` raises.
    """
    fleet = Fleet(desired, memories, only)
    for replica in sorted(only) or range(1, desired.replicas + 1):
        fleet.add(replica)
    yield from fleet.run()
    failed = next((one for one in fleet.members if one.error is not None), None)
    if failed is not None and failed.error is not None:
        raise _with_the_others(failed.error, [one for one in fleet.members if not _the_same(one, failed.error)])
    return {one.replica: one.result for one in fleet.members if one.result is not None}


def rotate_fleet(desired: Desired) -> Effects[tuple[dict[int, Rotated], dict[int, Result]]]:
    """Change the keys of all replicas; return the changes, and all results, with those of replicas that are removed.

    Raises UsageError before any change unless each of them serves.
    """
    numbers = range(1, desired.replicas + 1)
    for replica in numbers:
        must_serve((yield from as_replica(observe(one_replica(desired, replica), RunMemory()), replica)))
    before = yield from apply_fleet(desired, {})
    after = yield from apply_fleet(desired, {replica: RunMemory(rotating=True) for replica in numbers})
    return {replica: rotated(before[replica], after[replica]) for replica in numbers}, after


def _with_the_others(error: ErtError, others: list[Member]) -> ErtError:
    """Add to an error what the other replicas have reached."""
    error.detail = "\n".join(filter(None, (error.detail, *map(_line, others))))
    return error


def _the_same(one: Member, error: ErtError) -> bool:
    """Whether it has ended before any step by the same error, which is in the config or the account of all."""
    return one.error is error or (isinstance(one.error, UsageError) and one.error.summary == error.summary)


def _line(one: Member) -> str:
    return f"replica {one.replica}: " + "; ".join(_reached(one))


def _reached(one: Member) -> Iterator[str]:
    if one.result is None:
        yield one.error.summary if one.error is not None else "not known"
        return
    current = one.result.situation.classified.current
    yield f"instance {current.instance.id}, {one.wanted.phase}" if current is not None else f"{one.wanted.phase}"
    if one.result.left is not None:
        yield one.result.left.summary
    yield from (f"{target} could not be updated: {why}" for target, why in one.result.abandoned)
