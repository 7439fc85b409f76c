"""Faulty rented machines: a machine that does not work is destroyed, and the next offer is rented."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.errors import Failed, NeedsAttention
from ert_deploy.core.model.events import Booting, Retired
from tests.support.fakes import behaviours
from tests.support.fakes.history import OTHER, WANTED, down, is_down, is_up, start, told, until, up
from tests.support.fakes.loopback import certificate, world


@pytest.mark.parametrize(
    ("how", "reason", "denied"),
    [
        (behaviours.stuck, "no progress for", True),
        (behaviours.crawling, "pulling the image takes", True),
        (behaviours.sick, "unhealthy: it reports failed", True),
        (behaviours.impostor, "impostor: it cannot prove its identity", True),
        (behaviours.unreachable, "the start of the container takes", True),
        (behaviours.unpullable, "the host says: manifest unknown", True),
        (behaviours.exited, "the container is exited", True),
        (behaviours.overpriced, "the cap is $0.4/h", False),
        (behaviours.priceless, "the cap is $0.4/h", False),
    ],
)
def test_a_machine_that_does_not_work_is_destroyed_and_the_next_offer_follows(
    how: behaviours.Conduct, reason: str, denied: bool
) -> None:
    made = world()
    made.gpu.conduct["1001"] = how
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"
    assert made.gpu.most_paid == 1
    (retired,) = told(made, Retired)
    assert reason in retired.reason
    assert [d.machine_id for d in made.store.state.denied] == (["1001"] if denied else [])


def test_six_machines_that_do_not_get_healthy_are_enough() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), behaviours.sick)
    with pytest.raises(Failed, match="6 rented machines did not become healthy"):
        up(made)
    assert made.gpu.paid() == ()
    assert made.gpu.most_paid == 1


def test_a_slow_boot_that_moves_gets_its_time() -> None:
    made = world()
    made.gpu.conduct["1001"] = lambda instance: setattr(instance, "boot", 1500.0)
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1001"
    assert max(b.elapsed for b in told(made, Booting)) > 1400


def test_a_backend_that_refuses_the_key_is_never_published() -> None:
    made = world()
    made.backend.refuses_key = True
    run = start(made)
    while not told(made, Retired):
        run.step()
    assert [t.reason for t in made.store.state.tombstones] == ["it does not take the key the app holds"]
    assert made.web.services["dash"].deploys == []
    made.backend.refuses_key = False
    run.finish()
    is_up(made)
    assert len(made.gpu.instances) == 2


def test_a_backend_that_cannot_be_asked_about_the_key_for_a_moment_is_asked_again() -> None:
    made = world()
    made.backend.faults.queued["accepts"] = [behaviours.no_route(), behaviours.no_route()]
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_a_backend_whose_certificate_never_stays_the_same_is_not_pinned_for_ever() -> None:
    made = world()
    made.backend.certificate = lambda instance: certificate(str(int(made.clock.time // 3)))
    with pytest.raises(NeedsAttention, match="Pin was done 8 times"):
        up(made)


def test_two_that_apps_point_at_and_nobody_can_reach_need_a_person() -> None:
    made = world("ert", "dash", "admin")
    both = replace(OTHER, targets=(Target("dash"), Target("admin")))
    up(made, replace(both, launch=WANTED.launch))
    until(start(made, both), lambda: len(made.web.services["dash"].deploys) >= 2)
    for instance in made.gpu.instances.values():
        behaviours.unreachable(instance)
    with pytest.raises(NeedsAttention, match="two instances of this deployment may be billing"):
        up(made, replace(both, launch=replace(WANTED.launch, context=4096)))
    assert len(made.gpu.paid()) == 2, "what an app may be using is not destroyed because we cannot reach it"
    down(made, both)
    is_down(made, both)
