"""Stopping and starting of instances. A stop releases the GPU, so that a later start may be impossible.

A start is stored by a conditional write before it is requested: of several runs that want to start an instance, one
sends the request. A start requested by a failed run is repeated if it is not visible in time.
"""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Outcome, Rejected, StartRefused, Transient
from ert_deploy.core.model.events import Stopped, Stranded, Trouble, Waiting, Woken
from ert_deploy.core.model.machine.derived_keys import derives_for_apps
from ert_deploy.core.model.observed import Instance, Observed, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, State
from ert_deploy.core.planning.sleep import by_bid, start_may_come
from ert_deploy.engine.budget import refuse_to_wake
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.freshness import is_recent
from ert_deploy.engine.observe import ensure_within_deadline, own_time
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import Audience, BackendProbe, Clock, GpuHost, StateStore, TimeSource

MAX_STARTS = 3  # starts per instance and run before another one is rented
MAX_REFUSALS = 3  # permission errors per instance before NeedsAttention is raised
MAX_STOPS = 30  # checks of an instance that does not stop before NeedsAttention is raised
SOON = 2.0  # seconds after which a stop is usually visible
ACTS_WITHIN = 120.0  # seconds after which an accepted stop has taken effect at the latest, a queued start cancelled


def wake(step: steps.Wake, run: Run) -> Effects[None]:
    """Start it. If that is impossible, stop it again to cancel a pending start, and record it as stranded."""
    record = _record(run.observed, step.instance_id)
    refuse_to_wake(record.token, next(one.dph for one in run.observed.instances if one.id == record.id), run)
    starts = run.memory.starts.get(record.id, 0)
    if starts >= MAX_STARTS:
        why = f"it was started {starts} times in vain"
        yield from _strand(record, run.observed.state, why, run.observed.now, run)
        return
    run.memory.starts[record.id] = starts + 1
    run.memory.watches.pop(record.id, None)  # resets the progress timer
    yield from ask(GpuHost.await_turn, "start")
    now = yield from ask(TimeSource.moment)  # the `Situation` may be old
    woken = replace(record, woken=now.stamp())
    written = yield from ask(StateStore.save, run.observed.state.put_record(woken))
    yield from ensure_within_deadline(run.desired, now)
    try:
        yield from ask(GpuHost.start, record.id)
    except StartRefused as error:
        yield from _strand(woken, written, error.summary, own_time(now, run.memory), run)
    except Rejected as error:
        yield from refused(f"starting instance {record.id}", record.id, error, run)
    except (Outcome, CannotObserve) as error:
        yield from ask(Audience.tell, Trouble(f"starting instance {record.id}", error.summary))
        yield from ask(Clock.sleep, run.desired.timings.poll)
    else:
        yield from ask(Audience.tell, Woken(record.id))


def cannot_publish(why: str) -> NeedsAttention:
    """Return the error of a run that may not change the apps where only another machine would help."""
    return NeedsAttention(
        f"another machine is needed, and its key and address cannot be written into the apps: {why}",
        hint="`ert-deploy wake` where a key of the web host is set",
    )


def strand(step: steps.Strand, run: Run) -> Effects[None]:
    """Give up starting it."""
    record = _record(run.observed, step.instance_id)
    yield from _strand(record, run.observed.state, step.reason, run.observed.now, run)


def _strand(record: InstanceRecord, state: State, why: str, read: float, run: Run) -> Effects[None]:
    """Stop it, unless what was read then is old: another run may have started it since."""
    _patience(record.id, run.memory)
    if not (yield from is_recent(f"instance {record.id}, which is not started", read, run)):
        return
    try:
        yield from ask(GpuHost.stop, record.id)
    except Rejected as error:
        yield from refused(f"cancelling the start of instance {record.id}", record.id, error, run)
        return
    except (Outcome, CannotObserve) as error:
        run.memory.refused[record.id] = error
        yield from ask(Audience.tell, Trouble(f"cancelling the start of instance {record.id}", error.summary))
        yield from ask(Clock.sleep, run.desired.timings.poll)
        return
    if not run.desired.publishes and not derives_for_apps(run.desired):
        raise cannot_publish(why)
    now = yield from ask(TimeSource.moment)
    yield from ask(StateStore.save, state.put_record(replace(record, stranded=now.stamp())))
    yield from ask(Audience.tell, Stranded(record.id, why))


def stop(step: steps.Stop, run: Run) -> Effects[None]:
    """Stop it after all reports have finished.

    If it is ready although the start was given up, this is stored first, so that the disk is not considered unusable.
    """
    number = step.instance_id
    record, health = _record(run.observed, number), run.observed.health.get(number)
    if record.stranded and health is not None and health.vital is Vital.HEALTHY:
        yield from ask(StateStore.save, run.observed.state.put_record(replace(record, stranded=0.0)))
        return
    _patience(number, run.memory)
    if (yield from _busy(number, run)):
        return
    try:
        yield from ask(GpuHost.stop, number)
    except Rejected as error:
        yield from refused(f"stopping instance {number}", number, error, run)
        return
    except (Outcome, CannotObserve) as error:
        run.memory.refused[number] = error
        yield from ask(Audience.tell, Trouble(f"stopping instance {number}", error.summary))
        yield from ask(Clock.sleep, run.desired.timings.poll)
        return
    yield from ask(Audience.tell, Stopped(number))
    run.memory.stopped.add(number)
    if record.woken and not start_may_come(record, run.situation):
        yield from ask(Clock.sleep, ACTS_WITHIN)  # until then a start in the provider's queue may still come
        yield from ask(StateStore.save, run.observed.state.put_record(replace(record, woken=0.0)))
    elif by_bid(next(i for i in run.observed.instances if i.id == number), run.situation):
        yield from ask(Clock.sleep, ACTS_WITHIN)  # a higher bid may have stopped it: it would run again until then
    yield from ask(Clock.sleep, min(run.desired.timings.poll, SOON))


def await_stop(step: steps.AwaitStop, run: Run) -> Effects[None]:
    """Wait for the next check; raise NeedsAttention if it does not stop."""
    if not next(i.stopped for i in run.observed.instances if i.id == step.instance_id):
        _patience(step.instance_id, run.memory)
    yield from ask(Audience.tell, Waiting(f"instance {step.instance_id} to be stopped", run.desired.timings.poll))
    yield from ask(Clock.sleep, run.desired.timings.poll)


def _key_to_ask_with(instance: Instance, run: Run) -> Secret | None:
    """Return its key, or one that an app has beside its address: added since the state was read, by another run."""
    key = run.situation.current_key(instance)
    return key if key is not None else next(iter(run.situation.keys_beside(instance).values()), None)


def _busy(number: InstanceId, run: Run) -> Effects[bool]:
    """Whether reports delay the stop, for at most `timings/finish` once seen. False if it does not respond."""
    health, instance = run.observed.health.get(number), next(i for i in run.observed.instances if i.id == number)
    address, key = instance.address, _key_to_ask_with(instance, run)
    if health is None or health.vital is not Vital.HEALTHY or health.certificate is None:
        return False
    if key is None or address is None or run.desired.timings.finish <= 0:
        return False
    began = own_time((yield from ask(TimeSource.moment)), run.memory)
    try:
        reports = yield from ask(BackendProbe.busy, address, health.certificate, key)
    except Transient as error:
        yield from ask(Audience.tell, Trouble("asking the backend whether it is busy", error.summary))
        return False
    if not reports:
        run.memory.waiting.pop(number, None)
        return not (yield from is_recent(f"instance {number}, which has no reports", began, run))
    left = run.memory.waiting.setdefault(number, run.observed.now) + run.desired.timings.finish - run.observed.now
    if left <= 0:
        return False
    run.memory.tries.pop(number, None)
    what = f"{reports} report{'s' if reports > 1 else ''} to be finished ({left:.0f} s at most)"
    yield from ask(Audience.tell, Waiting(what, run.desired.timings.poll))
    yield from ask(Clock.sleep, run.desired.timings.poll)
    return True


def _patience(number: InstanceId, memory: RunMemory) -> None:
    tries = memory.tries.get(number, 0)
    if tries >= MAX_STOPS:
        last = memory.refused.get(number)
        raise NeedsAttention(
            f"instance {number} has not stopped after {tries} checks, and its GPU may bill",
            last.summary if last is not None else "",
            "run the same command again, or `ert-deploy down`, which destroys it",
        )
    memory.tries[number] = tries + 1


def refused(what: str, number: InstanceId, error: Rejected, run: Run) -> Effects[None]:
    """Wait for a few retries; raise NeedsAttention if the call is denied permanently, with the missing permission."""
    run.memory.refusals[number] = run.memory.refusals.get(number, 0) + 1
    if run.memory.refusals[number] >= MAX_REFUSALS:
        raise NeedsAttention(error.summary, error.detail or f"{what} was refused {MAX_REFUSALS} times", error.hint)
    yield from ask(Audience.tell, Trouble(what, error.summary))
    yield from ask(Clock.sleep, run.desired.timings.poll)


def _record(observed: Observed, number: InstanceId) -> InstanceRecord:
    record = observed.state.record(number)
    assert record is not None, "the plan records it first"
    return record
