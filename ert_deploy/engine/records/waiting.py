"""Waiting between two looks: for a boot, for a create call to settle, for requests under way."""

from __future__ import annotations

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.events import Booting, Waiting
from ert_deploy.core.model.observed import Health, Observed
from ert_deploy.core.planning.ownership import ours
from ert_deploy.core.planning.polling import time_left, while_booting
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.memory import Memory


def await_boot(step: steps.AwaitBoot, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    """Show how the boot gets on, and pause as long as its next news may take."""
    pause = desired.timings.poll
    for instance in ours(desired, observed):
        if instance.id == step.instance_id:
            record, health = observed.state.record(instance.id), observed.health.get(instance.id)
            assert record is not None, "the plan writes down first what it finds"
            elapsed = min((observed.age(record.token, at) for at in (record.at, record.woken) if at), default=0.0)
            asked = observed.now - elapsed
            yield from perform(e.Tell(Booting(instance, health, elapsed)))
            left = _download(instance.id, health, observed.now, memory)
            changed = observed.watches[instance.id].since
            pause = while_booting(desired.timings, instance, asked=asked, changed=changed, now=observed.now, left=left)
    yield from perform(e.Sleep(pause))


def _download(number: int, health: Health | None, now: float, memory: Memory) -> float | None:
    """How long its download takes still, as far as this run has seen it."""
    if health is None or not health.total:
        memory.downloads.pop(number, None)
        return None
    return time_left(memory.downloads.setdefault(number, (now, health.completed)), health, now)


def wait(what: str, until: float | None, desired: Desired, observed: Observed) -> Effects[None]:
    """Say what is waited for and pause until then, `timings/poll` at most."""
    left = desired.timings.poll if until is None else max(0.0, until - observed.now)
    yield from perform(e.Tell(Waiting(what, left)))
    yield from perform(e.Sleep(min(left, desired.timings.poll) or desired.timings.poll))
