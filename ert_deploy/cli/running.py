"""Runs the engine for one command and sums up what came of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ert_deploy.cli.options import new_run_id
from ert_deploy.cli.outcome import Outcome
from ert_deploy.cli.view.progress import View, make_view
from ert_deploy.config import key_at_hand
from ert_deploy.core.model import events
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import Busy, ErtError, UsageError
from ert_deploy.core.model.fingerprints import certificate_sha256
from ert_deploy.core.model.observed import Health, Instance, Observed
from ert_deploy.core.planning.marks import sort_out
from ert_deploy.core.planning.ownership import to_probe
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import observe
from ert_deploy.engine.rotate import rotate
from ert_deploy.engine.run import run
from ert_deploy.wiring import House, assemble, settings_for


@dataclass(slots=True)
class _Counting:
    """Passes events on and notices whether anything was done."""

    view: View
    steps: int = field(default=0)

    def tell(self, event: events.Event) -> None:
        """Count steps, show everything."""
        if isinstance(event, events.Started):
            self.steps += 1
        self.view.tell(event)


def converge(config: str | None, phase: Phase, *, begin: bool = True, patient: bool = True) -> Outcome:
    """Make the deployment be in `phase`, holding its lock.

    Without `begin` it has to exist already. Without `patient` nobody waits for reports that are being written, and
    what bills is destroyed before the apps are told.
    """
    down = phase is Phase.ABSENT
    if not (phase is Phase.RUNNING and begin) and not sandbox_runs(config, going_down=down):
        return _not_even_a_world(settings_for(config, going_down=down).desired.deployment, phase)
    with _at_work(config, going_down=down) as (house, audience):
        desired = replace(house.desired, phase=phase, begin=begin)
        if not patient:
            desired = replace(desired, apps_first=False, timings=replace(desired.timings, finish=0.0))
        result = run(apply(desired), house.ports)
        outcome = _outcome(result, changed=audience.steps > 0)
        until = house.ports.clock.now() + result.unknown_for if result.unknown_for else 0.0
        return replace(outcome, unknown_until=until)


def change_key(config: str | None) -> tuple[Outcome, str, str]:
    """Rotate the API key, holding the lock: what came of it, and how the keys before and after are named."""
    if not sandbox_runs(config):
        name = settings_for(config).desired.deployment
        raise UsageError(
            f"there is no key to change: the sandbox of {name} is not running", hint="`ert-deploy up` starts it"
        )
    with _at_work(config) as (house, _):
        desired = replace(house.desired, phase=Phase.RUNNING, begin=False)
        done = run(rotate(desired), house.ports)
        return _outcome(done.result, changed=True), done.before, done.after


@contextmanager
def _at_work(config: str | None, *, going_down: bool = False) -> Iterator[tuple[House, _Counting]]:
    """The deployment's house while its lock is held, and what is shown meanwhile."""
    with make_view() as view:
        audience = _Counting(view)
        house = assemble(config, audience, going_down=going_down)
        if house.in_sandbox:
            view.note(f"sandbox on this machine: nothing costs money, provider time runs {house.speed:g}x")
        with _locked(house, audience, going_down=going_down):
            yield house, audience


@contextmanager
def _locked(house: House, audience: _Counting, *, going_down: bool) -> Iterator[None]:
    """The lock is a courtesy: on the way down, a store that cannot even be locked keeps nothing that bills alive."""
    with ExitStack() as held:
        try:
            held.enter_context(house.ports.store.lock(new_run_id()))
        except ErtError as error:
            if not going_down or isinstance(error, Busy):
                raise
            audience.tell(events.Trouble("going on without the lock", error.summary))
        yield


def _not_even_a_world(deployment: str, phase: Phase) -> Outcome:
    if phase is Phase.RUNNING:
        raise UsageError(
            f"there is nothing to wake: the sandbox of {deployment} is not running", hint="`ert-deploy up`"
        )
    return Outcome(deployment, phase.value, changed=False)


def sandbox_runs(config: str | None, *, going_down: bool = False) -> bool:
    """False only when the config asks for a sandbox and none is running: then nothing can be running in it.

    UsageError where the sandbox was only guessed: the key may be in a file that another config names.
    """
    from ert_deploy.wiring import sandbox_world

    settings = settings_for(config, going_down=going_down)
    if settings.sandbox is None:
        return True
    try:
        sandbox_world(settings, start=False)
    except UsageError:
        if config or key_at_hand(os.environ):
            return False
        raise UsageError(
            "no config was named, VAST_API_KEY is not set, and no sandbox runs here: nothing was looked at",
            hint="name the config: -c my-app",
        ) from None
    return True


def look(config: str | None) -> tuple[House, Situation]:
    """One look at a deployment, without the lock and without a change."""
    with make_view() as view:
        house = assemble(config, view)
        return house, run(observe(house.desired, Memory()), house.ports)


def accessible(house: House) -> tuple[Instance, ...]:
    """The instances whose log or shell may be opened: those with our marks that are not another owner's."""
    instances = house.ports.gpu.list_instances()
    return to_probe(sort_out(house.desired, instances, house.ports.store.load(), house.desired.services))


def _outcome(result: Result, *, changed: bool) -> Outcome:
    situation = result.situation
    desired = situation.desired
    return Outcome(
        deployment=desired.deployment,
        phase=desired.phase.value,
        changed=changed,
        backends=backends(situation),
        services=services(situation.observed),
        undecided=in_doubt(situation),
        others=tuple(i.id for i in situation.ownership.others),
        abandoned=result.abandoned,
        idle_stop=desired.launch.guard.idle_stop,
        left=result.left,
    )


def in_doubt(situation: Situation) -> tuple[tuple[int, str], ...]:
    """The instances that a person has to decide about, each with the reason."""
    return tuple((u.instance.id, u.why) for u in situation.undecided)


def backends(situation: Situation) -> tuple[dict[str, Any], ...]:
    """Every instance of the deployment as plain data."""
    return tuple(_backend(i, situation.observed.health.get(i.id)) for i in situation.ours)


def _backend(instance: Instance, health: Health | None) -> dict[str, Any]:
    pem = health.certificate if health is not None else None
    return {
        "instance": instance.id,
        "url": instance.address.url() if instance.address else "",
        "gpu": instance.gpu_name,
        "place": instance.geolocation,
        "machine": instance.machine_id,
        "dph": instance.dph,
        "disk_dph": instance.disk_dph,
        "asleep": instance.resting,
        "status": instance.status or "provisioning",
        "health": str(health.vital) if health is not None else "unknown",
        "detail": health.detail if health is not None else instance.message,
        "model": health.model if health is not None else "",
        "engine": health.engine if health is not None else "",
        "off_switch": health.off_switch.value if health is not None and health.off_switch is not None else None,
        "certificate_sha256": certificate_sha256(pem) if pem else "",
        "started": instance.started,
    }


def services(observed: Observed) -> tuple[dict[str, Any], ...]:
    """Every target as plain data, without its values."""
    return tuple(
        {
            "service": p.service_id,
            "name": p.name,
            "url": p.app_url,
            "fingerprint": p.live_fingerprint,
            "variables": sorted(p.env),
            "suspended": p.suspended,
        }
        for p in observed.publications or ()
    )
