"""Apps that take up another address by themselves: variables are written, and nothing is deployed if they show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.events import DeploySeen, Proven, Waiting
from ert_deploy.core.planning.app_env import connected
from ert_deploy.engine.effects import Method
from ert_deploy.ports import AppProbe, Clock, WebHost
from tests.support.fakes.history import is_up, start, told, up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.sleep import WAKE, asleep

TARGET = WAKE.targets[0]
FOLLOWS = 60.0


def following(seconds: float = FOLLOWS) -> Desired:
    return replace(WAKE, targets=(replace(TARGET, follows=seconds),))


def moved() -> tuple[FakeWorld, int]:
    """Return a sleeping backend that will have another address after its start, and the number of deploys so far."""
    made = asleep()
    made.gpu.only().moves = 1000
    return made, len(made.web.services["dash"].deploys)


def follow(made: FakeWorld, after: float) -> None:
    """Have the app use its new variables by itself, some seconds after they differ."""
    service, since = made.web.services["dash"], [0.0]

    def look() -> None:
        names = TARGET.names
        if service.env.get(names.fingerprint) == service.running.get(names.fingerprint):
            since[0] = 0.0
        elif not since[0]:
            since[0] = made.clock.now()
        elif made.clock.now() - since[0] >= after:
            service.running = dict(service.env)

    made.clock.hooks.append(look)


def test_an_app_that_follows_is_not_deployed() -> None:
    made, deploys = moved()
    follow(made, 20.0)
    up(made, following())
    is_up(made)
    assert len(made.web.services["dash"].deploys) == deploys
    (rollout,) = made.store.state.rollouts
    assert rollout.proven
    assert rollout.deploy_id == ""
    assert [e.what for e in told(made, Waiting) if "follow" in e.what]
    assert len(told(made, Proven)) == 1
    up(made, following())
    assert len(made.web.services["dash"].deploys) == deploys


@pytest.mark.parametrize("seconds", [0.0, FOLLOWS])
def test_one_that_does_not_is_deployed_after_its_time(seconds: float) -> None:
    made, deploys = moved()
    before = made.clock.now()
    up(made, following(seconds))
    is_up(made)
    assert len(made.web.services["dash"].deploys) == deploys + 1
    assert made.clock.now() - before >= seconds
    assert bool([e for e in told(made, Waiting) if "follow" in e.what]) is bool(seconds)


def test_one_that_gets_another_key_is_deployed_at_once() -> None:
    made, deploys = moved()
    made.gpu.only().taken = True  # so that another machine is rented, which has a key of its own
    up(made, following())
    is_up(made)
    assert len(made.web.services["dash"].deploys) == deploys + 1
    assert not [e for e in told(made, Waiting) if "follow" in e.what]


def test_each_look_at_the_app_reads_its_newest_deploy_once() -> None:
    made, _ = moved()
    follow(made, FOLLOWS / 2)
    run, asked = start(made, following()), list[Method]()
    while not run.ended:
        if run.effect.method in (WebHost.newest_deploy, AppProbe.fingerprint, Clock.sleep):
            asked.append(run.effect.method)
        run.step()
    looks = asked[asked.index(WebHost.newest_deploy) :]
    assert looks[:9] == [WebHost.newest_deploy, AppProbe.fingerprint, Clock.sleep] * 3


def test_a_deploy_under_way_may_apply_other_values() -> None:
    made, deploys = moved()
    service = made.web.services["dash"]
    made.web.takes = 300.0
    made.web.start_deploy(service)
    up(made, following())
    is_up(made)
    assert len(service.deploys) == deploys + 2
    assert told(made, DeploySeen)
    assert service.running.items() >= connected_values(made).items()


def connected_values(made: FakeWorld) -> dict[str, object]:
    """Return the address and key that the app has to run with."""
    names, env = TARGET.names, made.web.services["dash"].env
    found = connected(TARGET, env[names.url].reveal(), env[names.key], env[names.certificate].reveal())
    return {name: found[name] for name in (names.url, names.key, names.fingerprint)}
