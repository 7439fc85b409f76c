"""Waiting: for a boot, for a create call to settle, for active requests."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.others import Others
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.events import Booting, Waiting
from ert_deploy.core.model.observed import Health
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.candidates import PAIR, rivals
from ert_deploy.core.planning.polling import time_left, while_booting
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.records.endings import measure
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import Audience, Clock

JOIN = 300.0  # seconds for which a replica that could publish waits for those that boot


def await_boot(step: steps.AwaitBoot, run: Run) -> Effects[None]:
    """Report the state of the boot, of a second machine as well, and wait until it can have changed."""
    observed, pause = run.observed, run.desired.timings.poll
    others = rivals(run.desired, run.situation.classified) if run.desired.launch.hedge >= PAIR else ()
    booting = {step.instance_id, *(c.instance.id for c in others)}
    for instance in run.situation.ours:
        if instance.id in booting:
            record, health = observed.state.record(instance.id), observed.health.get(instance.id)
            assert record is not None, "the plan records it first"
            elapsed = observed.age(record.token, record.at)
            if record.woken:
                elapsed = min(elapsed, observed.age(record.token, record.woken))
            asked = observed.now - elapsed
            yield from ask(Audience.tell, Booting(instance, health, elapsed))
            left = _download(instance.id, health, observed.now, run.memory)
            measure(run.memory.spending.get(record.token), run.memory.downloads.get(instance.id), health, observed.now)
            changed = observed.watches[instance.id].since
            wait = while_booting(
                run.desired.timings, instance, asked=asked, changed=changed, now=observed.now, left=left
            )
            pause = min(pause, wait)
    yield from ask(Clock.sleep, pause)


def _download(number: InstanceId, health: Health | None, now: float, memory: RunMemory) -> float | None:
    """Return the remaining seconds of the download, estimated from the data of this run; None if unknown."""
    if health is None or not health.total:
        memory.downloads.pop(number, None)
        return None
    return time_left(memory.downloads.setdefault(number, (now, health.completed)), health, now)


def settle(step: steps.Settle, run: Run) -> Effects[None]:
    """Wait for a create call with unknown result."""
    yield from _wait("a create call to show itself or be ruled out", step.until, run)


def drain(step: steps.Drain, run: Run) -> Effects[None]:
    """Wait for requests to an old backend."""
    yield from _wait("requests under way", step.until, run)


def others_at(now: float, memory: RunMemory) -> Others:
    """Return the other replicas; with `join`, until when this one is to wait before it publishes."""
    return replace(memory.others, join=memory.join_until or now + JOIN) if memory.joins else memory.others


def await_turn(step: steps.AwaitTurn, run: Run) -> Effects[None]:
    """Wait for other replicas; raise NeedsAttention if they do nothing for longer than a launch and a deploy take."""
    memory, now, timings = run.memory, run.observed.now, run.desired.timings
    if step.until is not None:
        memory.join_until = step.until
        yield from _wait("other replicas, to publish with them", step.until, run)
        return
    memory.stalled_since = (memory.stalled_since or now) if memory.stalled else None
    if memory.stalled_since is not None and now - memory.stalled_since > timings.boot_limit + timings.deploy_limit:
        raise NeedsAttention(
            f"{run.desired.deployment} may not rent: {step.reason}",
            "no run removes it, and one instance for each replica and one more may be paid at a time",
            "`ert-deploy status` shows them; run the command again",
        )
    yield from _wait("another replica to have one instance", None, run)


def _wait(what: str, until: float | None, run: Run) -> Effects[None]:
    """Report the reason for waiting and wait until then, at most `timings/poll`."""
    left = run.desired.timings.poll if until is None else max(0.0, until - run.observed.now)
    yield from ask(Audience.tell, Waiting(what, left))
    yield from ask(Clock.sleep, min(left, run.desired.timings.poll) or run.desired.timings.poll)
