"""Main entry of a fleet: `apply_fleet(desired, memories)` runs every replica to its end, as `apply` runs one."""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import Result
from ert_deploy.engine.decide import unchanged
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet.document import as_replica
from ert_deploy.engine.fleet.failures import doubts, failure
from ert_deploy.engine.fleet.turns import Fleet
from ert_deploy.engine.observe import observe
from ert_deploy.engine.rotate import Rotated, must_serve, rotated
from ert_deploy.engine.run_context import RunMemory


def apply_fleet(
    desired: Desired, memories: dict[int, RunMemory], only: frozenset[int] = frozenset()
) -> Effects[dict[int, Result]]:
    """Reach the desired state of all replicas, each with its memory; return their results by number.

    With `only`, the others stay as they are, but count for what may be paid and where.
    Replicas above their number are removed. One that fails does not end the others: once they are done, their `failure`
    is raised, with what they reached in its detail. Raises what `apply` raises.
    """
    fleet = Fleet(desired, memories, only)
    for replica in sorted(only) or range(1, desired.replicas + 1):
        fleet.add(replica)
    yield from fleet.run()
    results = {one.replica: one.result for one in fleet.members if one.result is not None}
    if errors := {one.replica: one.error for one in fleet.members if one.error is not None}:
        raise failure(errors, results)
    return results


def rotate_fleet(desired: Desired) -> Effects[tuple[dict[int, Rotated], dict[int, Result]]]:
    """Change the keys of all replicas; return the changes, and all results, with those of replicas that are removed.

    Raises UsageError before any change unless each of them serves.
    """
    numbers = range(1, desired.replicas + 1)
    yield from _must_serve(desired, numbers)
    memories = dict[int, RunMemory]()
    before = yield from apply_fleet(desired, memories)
    after = yield from apply_fleet(desired, {replica: memories[replica].for_new_key() for replica in numbers})
    return {replica: rotated(before[replica], after[replica]) for replica in numbers}, after


def _must_serve(desired: Desired, numbers: Iterable[int]) -> Effects[None]:
    """Raise UsageError unless each of these replicas serves, with the instances that the user has to assign."""
    seen, wrong = list[Situation](), list[UsageError]()
    for replica in numbers:
        seen.append((yield from as_replica(observe(one_replica(desired, replica), RunMemory()), replica)))
        try:
            must_serve(seen[-1])
        except UsageError as error:
            wrong.append(error)
    for first in wrong[:1]:
        first.detail = "\n".join(filter(None, (first.detail, *unchanged(doubts(seen).items()))))
        raise first
