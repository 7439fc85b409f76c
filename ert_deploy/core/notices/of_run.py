"""Notices of a run: from its events, and from its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ert_deploy.core.model import events, steps
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import BudgetSpent, ErtError, OverBudget, Undecided
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.notices.notice import Findings, Kind, Notice

RUN = "plan/max_cost"
OF_TIME = "policy/budget"
AWAKE = (f"{Kind.SLEEP}/", f"{Kind.OUTBID}/", f"{Kind.BUDGET}/{RUN}", f"{Kind.BUDGET}/{OF_TIME}")
GONE = tuple(f"{kind}/" for kind in Kind if kind is not Kind.ORPHAN)
USED = (
    events.Started, events.Rented, events.Woken, events.Stopped, events.Stranded, events.Retired, events.Verified
)  # fmt: skip


def of_run(phase: Phase, heard: Iterable[events.Event], undecided: Iterable[tuple[InstanceId, str]] = ()) -> Findings:
    """Return what is to be said after a run to `phase` without an error.

    `undecided` are the instances that the user has to assign, each with the reason.
    """
    seen = tuple(heard)
    strays = of_strays(undecided)
    match phase:
        case Phase.RUNNING:
            return Findings((*_running(seen), *strays), AWAKE)
        case Phase.ASLEEP:
            return Findings((*_asleep(seen), *strays))
        case _:
            return Findings(strays, GONE)


def of_failure(error: ErtError, heard: Iterable[events.Event]) -> Findings:
    """Return what is to be said after a run with this error."""
    found = [*_lost(tuple(heard))]
    if isinstance(error, OverBudget | BudgetSpent):
        found.append(Notice(Kind.BUDGET, error.summary, RUN if isinstance(error, OverBudget) else OF_TIME))
    if isinstance(error, Undecided):
        found += of_strays(error.found)
    return Findings(tuple(found))


def of_strays(found: Iterable[tuple[InstanceId, str]]) -> tuple[Notice, ...]:
    """Return one notice for each instance without a certain owner, or in no state, with the reason."""
    return tuple(Notice(Kind.ORPHAN, f"instance {number} may bill: {why}", number) for number, why in found)


def of_rotation(before: str, after: str) -> Findings:
    """Return the notice of a change of the apps' key; both are the first digits of a hash."""
    text = f"the apps use key {after}" + (f" in place of {before}" if before else "")
    return Findings((Notice(Kind.KEY_ROTATED, text, after, event=True, lasts=False),))


def _running(heard: tuple[events.Event, ...]) -> Iterator[Notice]:
    rented = {e.instance_id for e in heard if isinstance(e, events.Rented)}
    retired = {e.instance_id: e.reason for e in heard if isinstance(e, events.Retired)}
    given_up = retired.keys() | {e.instance_id for e in heard if isinstance(e, events.Stranded)}
    # One that was started again has the certificate that is pinned, so that nothing is verified anew.
    woken = [e.instance_id for e in heard if isinstance(e, events.Woken)]
    verified = [e.instance.id for e in heard if isinstance(e, events.Verified) and e.instance.id in rented]
    serves = next((i for i in reversed((*woken, *verified)) if i not in given_up), None)
    if serves is not None:
        how = "it was rented" if serves in rented else "it was started again"
        yield Notice(Kind.WAKE, f"instance {serves} serves: {how}", serves, event=True, lasts=False)
    why = next((e.step.reason for e in heard if isinstance(e, events.Started) and isinstance(e.step, steps.Rent)), "")
    for number, reason in retired.items():
        if serves in rented and number not in rented:
            text = f"instance {serves} replaces {number}: {why or reason}"
            yield Notice(Kind.REPLACED, text, number, event=True, lasts=False)
    yield from _lost(heard)


def _lost(heard: tuple[events.Event, ...]) -> Iterator[Notice]:
    for event in heard:
        if isinstance(event, events.Stranded):
            text = f"instance {event.instance_id} cannot be started again: {event.why}"
            yield Notice(Kind.OUTBID, text, event.instance_id, event=True, lasts=False)


def _asleep(heard: tuple[events.Event, ...]) -> Iterator[Notice]:
    left = {e.instance_id for e in heard if isinstance(e, events.Retired)}
    stopped = dict.fromkeys(e.instance_id for e in heard if isinstance(e, events.Stopped))
    for number in stopped:
        if number not in left:
            yield Notice(Kind.SLEEP, f"instance {number} was stopped; its disk is kept", number, event=True)
