"""App of the simulator that follows its agent: it takes the address as told, and with a secret derives the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ert_deploy.app.waking.look import reached_by
from ert_deploy.core.model.keys import machine_key
from ert_deploy.core.model.machine.derived_keys import GENERATIONS
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import held_fingerprint
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.waking import Phase, waking
from ert_deploy.engine.effects import Effect
from ert_deploy.ports import CreateOrder
from tests.simulation.market import Machine
from tests.simulation.web import NAMES, Service
from tests.simulation.world import Violation, World

SECRET = Secret("only-operator-agent-and-app-have-this-one")
FOLLOWS = 600.0  # s for which a command waits for the app to follow


@dataclass(frozen=True, slots=True)
class View:
    """What an agent tells of a backend that is ready, and the generation of the state at that look.

    `token` and `number` are what the key is derived from; None if it is not.
    """

    generation: int
    url: str
    certificate: str
    token: str | None
    number: int | None


class Agents(Protocol):
    """What an agent does beside the ports."""

    def begin(self) -> None:
        """Begin a run: what is bounded for one command, as its attempts at an image, is bounded for each run."""

    def tell(self, view: View) -> None:
        """Have every app read it."""


def view_of(facts: Facts) -> View | None:
    """Return what the agent tells by this look; None where no backend is ready."""
    if isinstance(facts.situation, Missing) or waking(facts).phase is not Phase.READY:
        return None
    found = reached_by(facts.situation, facts.main)
    if found is None:
        return None
    return View(
        facts.situation.observed.state.generation, found.url, found.certificate, found.token, found.key_generation
    )


def begin(world: World, effect: Effect) -> None:
    """Forget what the run before has tried."""
    world.acting.unpulled.clear()


def tell(world: World, effect: Effect) -> None:
    """Have the apps move to where the machine takes the key, as the dashboard does (`AddressFollower`)."""
    (view,) = effect.args
    for service in world.services.values():
        has_one = NAMES.key in service.used.get(1, {})
        if has_one and view.generation >= service.told:
            service.told = view.generation
            _follow(world, service, view)


def _follow(world: World, service: Service, view: View) -> None:
    used = service.used[1]
    if world.derives and view.token is None:
        return  # its key is not derived: the app sends it nothing
    key = used[NAMES.key]
    if world.derives:
        assert view.token is not None
        assert view.number is not None
        key = machine_key(SECRET, view.token, view.number)
    moved = {**used, NAMES.url: Secret(view.url), NAMES.certificate: Secret(view.certificate), NAMES.key: key}
    if moved == used:
        return
    there = next((one for one in world.paid.values() if one.certificate == view.certificate), None)
    if there is None or there.url() != view.url or there.answer(world.now) is not there.healthy or there.halted:
        return
    if world.derives and _is_ahead(view, used) and used[NAMES.key].sha256() in there.keys:
        return  # the state is from before the key was changed
    keeps_apart(world, there, key)
    if world.derives and world.operators == 1 and key.sha256() not in there.keys:
        raise Violation(f"an agent tells of a key that instance {there.id} does not take")
    if key.sha256() in there.keys:
        moved[NAMES.fingerprint] = Secret(held_fingerprint(NAMES, moved))
        service.follow(moved, world.now)


def _is_ahead(view: View, used: Mapping[str, Secret]) -> bool:
    """Whether an app has a later key of that machine."""
    assert view.token is not None
    assert view.number is not None
    later = _keys(view.token)[view.number + 1 :]
    return used.get(NAMES.certificate) == Secret(view.certificate) and used[NAMES.key] in later


def keeps_apart(world: World, holder: Machine, key: Secret) -> None:
    """Check that the key which this machine is sent is that of no other one."""
    for made in world.machines.values() if world.derives else ():
        if made.mark.token != holder.mark.token and key in _keys(made.mark.token):
            raise Violation(f"instance {holder.id} is sent the key of instance {made.id}")


def has_derived_key(world: World, order: CreateOrder) -> None:
    """Check that a machine which is rented accepts nothing but the first key of its token."""
    if world.derives and order.env["ERT_KEY_HASHES"] != _keys(order.mark.token)[0].sha256():
        raise Violation("a machine is rented with a key that is not derived from its token")


def are_apart(world: World, service: Service) -> None:
    """Check that of what an app runs with no machine is sent the key of another one."""
    for env in service.used.values() if world.derives else ():
        for made in world.paid.values():
            if NAMES.certificate in env and env[NAMES.certificate].reveal() == made.certificate:
                keeps_apart(world, made, env[NAMES.key])


def secrets_of(world: World) -> tuple[str, ...]:
    """Return the secret, and each key that a machine may have had; none where keys are not derived."""
    if not world.derives:
        return ()
    made = world.machines.values()
    return (SECRET.reveal(), *(key.reveal() for one in made for key in _keys(one.mark.token)[: one.generation + 2]))


_KEYS: dict[str, tuple[Secret, ...]] = {}


def _keys(token: str) -> tuple[Secret, ...]:
    if token not in _KEYS:
        _KEYS[token] = tuple(machine_key(SECRET, token, number) for number in range(GENERATIONS))
    return _KEYS[token]
