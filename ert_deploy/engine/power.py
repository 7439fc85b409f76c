"""Stopping an instance and starting it again. A stop gives the GPU away: a later start may be refused for ever.

The start is written down before it is asked for, by a conditional write: of many runs that want to wake the same
instance, one asks. What was started by a run that died is started again once it should have shown itself.
"""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Outcome, Rejected, StartRefused, Transient
from ert_deploy.core.model.events import Stopped, Stranded, Trouble, Waiting, Woken
from ert_deploy.core.model.observed import Observed, Vital
from ert_deploy.core.model.state import Record, State
from ert_deploy.core.planning.sleep import start_may_come
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import promptly
from ert_deploy.engine.run_context import Run

MAX_STARTS = 3  # of one instance in one run, before another one is rented
MAX_REFUSALS = 3  # of one instance's calls that say "you may not", before a person is asked
MAX_STOPS = 30  # looks at one that does not stop, before a person is asked
SOON = 2.0  # seconds after which a stop usually shows


def wake(step: steps.Wake, run: Run) -> Effects[None]:
    """Ask it to start. One that cannot is stopped again, which cancels a queued start, and written down as stranded."""
    record = _record(run.observed, step.instance_id)
    starts = run.memory.starts.get(record.id, 0)
    if starts >= MAX_STARTS:
        yield from _strand(record, run.observed.state, f"it was started {starts} times in vain", run)
        return
    run.memory.starts[record.id] = starts + 1
    run.memory.watches.pop(record.id, None)  # its patience begins anew
    yield from perform(e.AwaitTurn("start"))
    now = yield from perform(e.Now())  # the look may have been a slow one
    woken = replace(record, woken=now.stamp())
    written = yield from perform(e.Save(run.observed.state.put_record(woken)))
    yield from promptly(run.desired, now)
    try:
        yield from perform(e.StartInstance(record.id))
    except StartRefused as error:
        yield from _strand(woken, written, error.summary, run)
    except Rejected as error:
        yield from refused(f"starting instance {record.id}", record.id, error, run)
    except (Outcome, CannotObserve) as error:
        yield from perform(e.Tell(Trouble(f"starting instance {record.id}", error.summary)))
        yield from perform(e.Sleep(run.desired.timings.poll))
    else:
        yield from perform(e.Tell(Woken(record.id)))


def strand(step: steps.Strand, run: Run) -> Effects[None]:
    """Give its start up."""
    yield from _strand(_record(run.observed, step.instance_id), run.observed.state, step.reason, run)


def _strand(record: Record, state: State, why: str, run: Run) -> Effects[None]:
    _patience(record.id, run.memory)
    try:
        yield from perform(e.StopInstance(record.id))
    except Rejected as error:
        yield from refused(f"cancelling the start of instance {record.id}", record.id, error, run)
        return
    except (Outcome, CannotObserve) as error:
        run.memory.refused[record.id] = error
        yield from perform(e.Tell(Trouble(f"cancelling the start of instance {record.id}", error.summary)))
        yield from perform(e.Sleep(run.desired.timings.poll))
        return
    now = yield from perform(e.Now())
    yield from perform(e.Save(state.put_record(replace(record, stranded=now.stamp()))))
    yield from perform(e.Tell(Stranded(record.id, why)))


def stop(step: steps.Stop, run: Run) -> Effects[None]:
    """Ask it to stop, after it has finished what it is writing.

    One that serves although its start was given up has come all the same: that is written down before, so that its
    disk is not taken for one that cannot be started.
    """
    number = step.instance_id
    record, health = _record(run.observed, number), run.observed.health.get(number)
    if record.stranded and health is not None and health.vital is Vital.HEALTHY:
        yield from perform(e.Save(run.observed.state.put_record(replace(record, stranded=0.0))))
        return
    _patience(number, run.memory)
    if (yield from _busy(number, run)):
        return
    try:
        yield from perform(e.StopInstance(number))
    except Rejected as error:
        yield from refused(f"stopping instance {number}", number, error, run)
        return
    except (Outcome, CannotObserve) as error:
        run.memory.refused[number] = error
        yield from perform(e.Tell(Trouble(f"stopping instance {number}", error.summary)))
        yield from perform(e.Sleep(run.desired.timings.poll))
        return
    yield from perform(e.Tell(Stopped(number)))
    run.memory.stopped.add(number)
    if record.woken and not start_may_come(record, run.situation):
        yield from perform(e.Save(run.observed.state.put_record(replace(record, woken=0.0))))
    yield from perform(e.Sleep(min(run.desired.timings.poll, SOON)))


def await_stop(step: steps.AwaitStop, run: Run) -> Effects[None]:
    """Look again a little later; NeedsAttention when it does not come to rest."""
    if not next(i.resting for i in run.observed.instances if i.id == step.instance_id):
        _patience(step.instance_id, run.memory)
    yield from perform(e.Tell(Waiting(f"instance {step.instance_id} to be stopped", run.desired.timings.poll)))
    yield from perform(e.Sleep(run.desired.timings.poll))


def _busy(number: int, run: Run) -> Effects[bool]:
    """Whether its reports hold up the stop; they do for `timings/finish` at most. One we cannot ask does not."""
    health, instance = run.observed.health.get(number), next(i for i in run.observed.instances if i.id == number)
    address, key = instance.address, run.situation.current_key(instance)
    if health is None or health.vital is not Vital.HEALTHY or health.certificate is None:
        return False
    if key is None or address is None:
        return False
    since = run.memory.waiting.setdefault(number, run.observed.now)
    left = since + run.desired.timings.finish - run.observed.now
    if left <= 0:
        return False
    try:
        reports = yield from perform(e.Busy(address, health.certificate, key))
    except Transient as error:
        yield from perform(e.Tell(Trouble("asking the backend whether it is busy", error.summary)))
        return False
    if reports:
        run.memory.tries.pop(number, None)
        what = f"{reports} report{'s' if reports > 1 else ''} to be finished ({left:.0f} s at most)"
        yield from perform(e.Tell(Waiting(what, run.desired.timings.poll)))
        yield from perform(e.Sleep(run.desired.timings.poll))
    return bool(reports)


def _patience(number: int, memory: Memory) -> None:
    tries = memory.tries.get(number, 0)
    if tries >= MAX_STOPS:
        last = memory.refused.get(number)
        raise NeedsAttention(
            f"instance {number} has not stopped after {tries} checks, and its GPU may bill",
            last.summary if last is not None else "",
            "run the same command again, or `ert-deploy down`, which destroys it",
        )
    memory.tries[number] = tries + 1


def refused(what: str, number: int, error: Rejected, run: Run) -> Effects[None]:
    """Wait and try again a few times; NeedsAttention when a call is refused for good, with what is missing."""
    run.memory.refusals[number] = run.memory.refusals.get(number, 0) + 1
    if run.memory.refusals[number] >= MAX_REFUSALS:
        raise NeedsAttention(error.summary, error.detail or f"{what} was refused {MAX_REFUSALS} times", error.hint)
    yield from perform(e.Tell(Trouble(what, error.summary)))
    yield from perform(e.Sleep(run.desired.timings.poll))


def _record(observed: Observed, number: int) -> Record:
    record = observed.state.record(number)
    assert record is not None, "the plan records it first"
    return record
