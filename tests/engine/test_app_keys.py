"""App keys: every machine has a separate key, and an app never has a key that its backend does not accept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.secret import Secret
from tests.support.fakes import behaviours
from tests.support.fakes.history import OTHER, WANTED, is_up, served, start, up
from tests.support.fakes.loopback import world

NAMES = WANTED.targets[0].names


def test_no_key_is_in_an_app_before_the_backend_takes_it() -> None:
    """At any time, the key in an app is accepted by the backend at the address in the same app."""
    made = world()
    for desired in (WANTED, OTHER):
        process = start(made, desired)
        while process.step():
            env = made.web.services["dash"].env
            taken = {digest for i in made.gpu.instances.values() for digest in i.keys}
            assert NAMES.key not in env or env[NAMES.key].sha256() in taken
        process.finish()
        is_up(made, desired)


@pytest.mark.parametrize("begun", [False, True], ids=["before the first rental", "while it serves"])
def test_a_key_that_no_backend_of_ours_takes_is_not_adopted(begun: bool) -> None:
    """Otherwise any client that can write a variable of the app could choose the key of the machine."""
    made = served() if begun else world()
    key = Secret("ert-" + "k" * 32)
    made.web.services["dash"].env[NAMES.key] = key
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1
    assert made.web.services["dash"].env[NAMES.key] != key
    assert all(key.sha256() not in change for change in made.backend.changes)


def test_every_rented_machine_has_a_key_of_its_own() -> None:
    """A key known to a replaced host is not valid later, and the key from the create call is not in any app."""
    made = served()
    first, key = made.gpu.only(), made.web.services["dash"].env[NAMES.key]
    up(made, OTHER)
    is_up(made, OTHER)
    second = made.gpu.only()
    assert second is not first
    assert made.web.services["dash"].env[NAMES.key] != key
    assert second.keys == (made.web.services["dash"].env[NAMES.key].sha256(),)
    assert key.sha256() not in {digest for change in made.backend.changes[1:] for digest in change}
    assert key.sha256() != second.order.env["ERT_KEY_HASHES"] not in second.keys


def test_each_of_two_machines_of_one_run_has_a_key_of_its_own() -> None:
    """The first machine fails after its key was set and before it is published: the second one has another key."""
    made = world()
    process = start(made)
    while not made.backend.changes:
        process.step()
    behaviours.unreachable(made.gpu.only())
    process.finish()
    is_up(made)
    first, *others = made.backend.changes
    assert len(made.gpu.instances) == 2
    assert not set(first) & {digest for change in others for digest in change}


def test_a_key_that_is_not_one_of_ours_is_replaced() -> None:
    made = world()
    made.web.services["dash"].env[NAMES.key] = Secret("hunter2")
    up(made)
    is_up(made)


def test_two_targets_that_hold_different_keys_end_with_the_one_the_backend_takes() -> None:
    made = world("ert", "dash", "admin")
    both = replace(WANTED, targets=(Target("admin"), Target("dash")))
    up(made)
    made.web.services["admin"].env[NAMES.key] = Secret("ert-" + "z" * 32)
    up(made, both)
    is_up(made, both)
    assert len(made.gpu.instances) == 1
