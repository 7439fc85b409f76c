"""How a rental ends is remembered: what was measured on it, and how long its machine and host are not rented again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.observed import Health, Instance, Vital
from ert_deploy.core.model.stamps import MOST_DENIED
from ert_deploy.core.model.state import Denied, State
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, down, is_up, up
from tests.support.fakes.loopback import FakeInstance, FakeWorld, offer, world

DENY = WANTED.timings.deny
GB = 10**9


def denied(made: FakeWorld) -> dict[str, Denied]:
    return {d.subject: d for d in made.store.state.denied}


def test_a_backend_that_became_healthy_is_remembered_once_with_its_machine_and_host() -> None:
    made = world()
    made.gpu.offers = (offer(1, host_id="7"),)
    up(made)
    up(made)
    (one,) = made.store.state.launches
    assert (one.machine_id, one.host_id, one.healthy) == ("1001", "7", True)
    assert (one.advertised, one.image_gb) == (900.0, WANTED.launch.image_gb)
    assert one.at == pytest.approx(made.clock.now(), abs=120)
    assert 0 < one.started < 120


def test_the_rate_of_the_download_is_measured_and_not_the_advertised_one() -> None:
    made = world()
    begun = made.clock.real()

    def downloading(instance: FakeInstance) -> None:
        instance.override = lambda shown: _at(shown, instance)

    def _at(shown: Instance, instance: FakeInstance) -> Instance:
        seconds = made.clock.real() - instance.made - instance.boot / 2
        completed = int(min(14, 0.02 * seconds) * GB)
        instance.health = None if completed >= 14 * GB else _loading(completed)
        return shown

    def _loading(completed: int) -> Health:
        return Health(Vital.LOADING, "", "downloading", completed, 14 * GB, certificate="pem")

    made.gpu.conduct["1001"] = downloading
    up(made)
    is_up(made)
    (one,) = made.store.state.launches
    assert made.clock.real() - begun > 600
    assert one.rate == pytest.approx(160.0, rel=0.05)


def test_each_further_failure_in_a_row_denies_a_machine_for_twice_as_long() -> None:
    made = world()
    made.gpu.conduct["1001"] = behaviours.sick
    lasts = []
    for _ in range(3):
        made.gpu.offers = (offer(1), offer(2, dph_total=0.39, inet_down_cost=0.02))
        up(made)
        found = denied(made)["machine 1001"]
        lasts.append(found.until - made.clock.now())
        down(made)
        made.clock.sleep(found.until - made.clock.now())
        made.store.save(
            replace(made.store.state, launches=tuple(x for x in made.store.state.launches if not x.healthy))
        )
    assert lasts == pytest.approx([DENY, 2 * DENY, 4 * DENY], abs=400)
    assert found.evidence == "3 failures in a row"
    assert found.reason.startswith("unhealthy: it reports failed")


def test_a_denial_ends_and_a_success_begins_the_count_anew() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(2))
    made.gpu.conduct["1001"] = behaviours.sick
    up(made)
    down(made)
    made.gpu.conduct.clear()
    made.gpu.offers = (offer(1),)
    made.clock.sleep(DENY)
    up(made)
    down(made)
    made.gpu.conduct["1001"] = behaviours.sick
    made.gpu.offers = (offer(1), offer(2))
    made.store.save(replace(made.store.state, launches=made.store.state.launches[-1:]))
    up(made)
    assert denied(made)["machine 1001"].evidence == "its first failure"


def test_a_denial_lasts_as_long_as_any_config_allows_at_most() -> None:
    made = world()
    made.gpu.conduct["1001"] = behaviours.sick
    wanted = replace(WANTED, timings=replace(WANTED.timings, deny=MOST_DENIED))
    up(made, wanted)
    made.clock.sleep(1)
    assert denied(made)["machine 1001"].until <= made.clock.now() + MOST_DENIED


def test_two_machines_of_a_host_that_fail_deny_all_of_its_machines() -> None:
    made = world()
    made.gpu.offers = (*tuple(offer(n, host_id="7") for n in range(1, 5)), offer(5, host_id="8", dph_total=0.4))
    made.gpu.conduct = {"1001": behaviours.sick, "1002": behaviours.stuck}
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1005", "the cheaper ones belong to the host"
    assert denied(made)["host 7"].evidence == "failed on machines 1001, 1002"
    assert set(denied(made)) == {"machine 1001", "machine 1002", "host 7"}
    assert [one.healthy for one in made.store.state.launches] == [False, False, True]


def test_what_all_hosts_fail_at_is_no_failure_of_theirs() -> None:
    made = world()
    made.gpu.offers = tuple(offer(n, host_id="7") for n in range(1, 5))
    made.gpu.conduct = dict.fromkeys(("1001", "1002", "1003"), behaviours.exited)
    with pytest.raises(Exception, match="does not start: 2 machines failed in the same way"):
        up(made)
    assert made.store.state.launches == ()
    assert denied(made) == {}


def test_what_is_learned_is_there_for_the_next_run_and_for_another_user() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(2))
    made.gpu.conduct["1001"] = behaviours.sick
    up(made)
    down(made)
    known: State = made.store.load()
    assert [(one.machine_id, one.healthy) for one in known.launches] == [("1001", False), ("1002", True)]
    made.clock.sleep(DENY)
    made.gpu.conduct.clear()
    up(made)
    assert made.gpu.only().machine_id == "1002", "the denial has ended; a failure is still less than a success"
