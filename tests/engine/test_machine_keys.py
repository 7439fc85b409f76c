"""Keys derived from a machine's token: another machine needs no deploy, and none of its keys is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.keys import machine_key
from ert_deploy.core.model.machine.derived_keys import GENERATIONS, generation_of, machine_keys, next_key, token_of
from ert_deploy.core.model.secret import Secret
from tests.engine.test_following import FOLLOWS, TARGET, connected_values, follow
from tests.support.fakes.history import down, is_up, served, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.rotation import rotating, to_the_end
from tests.support.fakes.sleep import SLEEP, WAKE

SECRET = Secret("only-operator-and-app-have-this-one")
DERIVED = replace(WAKE, targets=(replace(TARGET, follows=FOLLOWS),), machine_secret=SECRET)
ALONE = replace(DERIVED, publishes=False)


def key_of(made: FakeWorld, generation: int = 0) -> Secret:
    """Return the key that belongs to the token of the only running machine."""
    (number,) = made.gpu.running()
    token = next(token_of(one) for one in made.gpu.list_instances() if one.id == number)
    return machine_key(SECRET, token, generation)


def begun() -> FakeWorld:
    """Return a backend that serves with a derived key."""
    made = world()
    up(made, replace(DERIVED, begin=True))
    is_up(made)
    return made


def deploys(made: FakeWorld) -> int:
    return len(made.web.services["dash"].deploys)


def test_a_key_is_that_of_its_token_and_generation() -> None:
    keys = {machine_key(SECRET, token, n).reveal() for token in ("a" * 32, "b" * 32) for n in (0, 1)}
    assert len(keys) == 4
    assert keys.isdisjoint({machine_key(Secret("another secret"), "a" * 32, 0).reveal()})


def test_a_machine_begins_with_its_derived_key_and_needs_no_other() -> None:
    made = begun()
    assert made.web.services["dash"].env[TARGET.names.key] == key_of(made)
    assert tuple(made.gpu.only().keys) == (key_of(made).sha256(),)
    assert key_of(made).reveal() not in repr(made.store.state)
    assert made.backend.changes == []


def test_another_machine_is_followed_without_a_deploy() -> None:
    made = begun()
    up(made, replace(SLEEP, targets=DERIVED.targets, machine_secret=SECRET))
    made.gpu.only().taken = True
    before, old = deploys(made), made.web.services["dash"].env[TARGET.names.key]
    follow(made, 20.0)
    up(made, DERIVED)
    is_up(made)
    assert deploys(made) == before
    assert made.web.services["dash"].env[TARGET.names.key] == key_of(made) != old
    assert made.web.services["dash"].running.items() >= connected_values(made).items()


@pytest.mark.parametrize("wanted", [DERIVED, replace(DERIVED, targets=(TARGET,))])
def test_an_app_that_does_not_follow_is_deployed(wanted: Desired) -> None:
    made = begun()
    up(made, replace(SLEEP, targets=DERIVED.targets, machine_secret=SECRET))
    made.gpu.only().taken = True
    before = deploys(made)
    up(made, wanted)
    is_up(made)
    assert deploys(made) == before + 1


def test_without_the_web_host_another_machine_is_rented() -> None:
    made = begun()
    up(made, replace(SLEEP, targets=DERIVED.targets, machine_secret=SECRET))
    made.gpu.only().taken = True
    calls = len(made.web.faults.calls)
    up(made, ALONE)
    assert len(made.web.faults.calls) == calls
    (number,) = made.gpu.running()
    assert made.gpu.paid() == (number,), "what cannot be started serves no app"
    follow(made, 20.0)
    up(made, DERIVED)
    is_up(made)
    assert made.gpu.paid() == (number,)


def test_a_key_change_takes_the_next_generation() -> None:
    made = begun()
    for generation in (1, 2):
        to_the_end(rotating(made, DERIVED))
        is_up(made)
        assert made.web.services["dash"].env[TARGET.names.key] == key_of(made, generation)
    up(made, DERIVED)
    assert tuple(made.gpu.only().keys) == (key_of(made, 2).sha256(),)


def test_a_deployment_from_before_the_secret_keeps_its_key_until_it_is_changed() -> None:
    made = served()
    old = made.web.services["dash"].env[TARGET.names.key]
    up(made, DERIVED)
    assert made.web.services["dash"].env[TARGET.names.key] == old
    to_the_end(rotating(made, DERIVED))
    assert made.web.services["dash"].env[TARGET.names.key] == key_of(made)
    down(made)


def test_after_the_last_generation_there_is_no_derived_key() -> None:
    made = begun()
    (instance,) = made.gpu.list_instances()
    every = list(machine_keys(DERIVED, instance))
    assert len(every) == GENERATIONS
    assert next_key(DERIVED, instance, every) is None
    assert next_key(WAKE, instance, ()) is None
    assert machine_keys(DERIVED, replace(instance, born=None)) == {}
    assert generation_of(DERIVED, instance, None) is None
    assert generation_of(DERIVED, instance, Secret("ert-another")) is None
    assert generation_of(DERIVED, instance, key_of(made)) == 0
