"""App variables written by an attacker: the next run restores them and does not send any secret to that address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.keys import make_key
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected
from tests.support.fakes.history import GONE, WANTED, is_up, up
from tests.support.fakes.loopback import FakeWorld, certificate, world

(TARGET,) = WANTED.targets
ADDRESS, FORGED = "https://198.51.100.9:8443", certificate("of somebody else")
KEY = make_key(b"\x07" * 24)
RUNS = {"up": WANTED, "wake": replace(WANTED, begin=False), "sleep": replace(WANTED, phase=Phase.ASLEEP), "down": GONE}


def led_elsewhere(*, deployed: bool) -> FakeWorld:
    """Return an environment where another user has replaced all variables of the app."""
    made = world()
    up(made)
    service = made.web.services["dash"]
    service.env |= connected(TARGET, ADDRESS, KEY, FORGED)
    if deployed:
        service.running = dict(service.env)
    return made


@pytest.mark.parametrize("deployed", [False, True])
@pytest.mark.parametrize("run", ["up", "wake"])
def test_an_app_that_was_led_elsewhere_is_led_back(run: str, deployed: bool) -> None:
    made = led_elsewhere(deployed=deployed)
    number = made.gpu.only().id
    up(made, RUNS[run])
    is_up(made, WANTED)
    assert made.gpu.only().id == number, "nothing is rented for it"
    service = made.web.services["dash"]
    for held in (service.env, service.running):
        assert not {ADDRESS, FORGED, KEY.reveal()} & {value.reveal() for value in held.values()}


@pytest.mark.parametrize("run", RUNS)
def test_an_address_in_a_variable_is_never_called_and_its_key_is_told_to_no_machine(run: str) -> None:
    made = led_elsewhere(deployed=True)
    asked: list[str] = []
    ask = made.backend.probe

    def probe(address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        asked.append(address.ip)
        return ask(address, mark, boot_secret, pinned)

    made.backend.probe = probe  # type: ignore[method-assign]
    up(made, RUNS[run])
    assert asked or run == "down"
    assert "198.51.100.9" not in asked
    assert all(KEY.sha256() not in change for change in made.backend.changes)
