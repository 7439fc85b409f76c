"""Several replicas through the application layer: each command includes all of them, on ports in memory."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.adapters.state.file import StateFile
from ert_deploy.app import decide, lifecycle, look, reap, rotate, state
from ert_deploy.app.assist.completion import instance_ids
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.plan_file import write_plan
from ert_deploy.app.running import events
from ert_deploy.app.running.keys import accepted_keys
from ert_deploy.app.status import read
from ert_deploy.app.status.result import Status
from ert_deploy.cli.view.plan import plan_document, plan_lines
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.events import OfReplica
from ert_deploy.core.verdict.links import Level, Name
from tests.support.fakes import behaviours
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    monkeypatch.chdir(tmp_path)
    return world()


def on(made: FakeWorld, replicas: int) -> Deployment:
    return on_fakes(made, replace(WANTED, replicas=replicas))


def variables(made: FakeWorld, end: str) -> bool:
    return f"ERT_LLM_BACKEND_URL{end}" in made.web.services["dash"].env


def test_up_rents_each_on_a_machine_of_its_own_and_deploys_for_all(made: FakeWorld) -> None:
    outcome = lifecycle.up(on(made, 3))
    assert len(outcome.backends) == 3
    assert len({backend.machine for backend in outcome.backends}) == 3
    assert variables(made, "")
    assert variables(made, "_2")
    assert variables(made, "_3")
    assert len(made.web.services["dash"].deploys) <= 2
    assert "ERT_LLM_BACKEND_URL_3" in outcome.services[0].variables
    assert not lifecycle.up(on(made, 3)).changed


def test_plan_names_no_machine_that_has_failed_for_another_one(made: FakeWorld) -> None:
    made.gpu.conduct = {"1001": behaviours.stuck}
    lifecycle.up(on(made, 1))
    offers = [one.offer.offer.machine_id for one in look.plan(on(made, 2)).every if one.offer is not None]
    assert offers
    assert "1001" not in offers
    assert lifecycle.up(on(made, 2)).backends[1].machine == offers[-1]


def test_plan_shows_all_of_them_on_different_offers(made: FakeWorld) -> None:
    plan = look.plan(on(made, 2))
    offers = {one.offer.offer.machine_id for one in plan.every if one.offer is not None}
    assert len(offers) == 2
    lines = list(plan_lines(plan))
    assert any(line.startswith("ert.2: ") for line in lines)
    rates = [float(found[1]) for line in lines if (found := re.match(r"  costs +\$([0-9.]+)/h", line))]
    assert lines[-1].startswith(f"together 2 machines: ${sum(rates):.4f}/h, $")
    assert not any("together" in line for line in plan_lines(look.plan(on(made, 1))))
    assert len(plan_document(plan)["replicas"]) == 1


def test_a_plan_file_is_refused_once_another_replica_has_changed(made: FakeWorld, tmp_path: Path) -> None:
    lifecycle.up(on(made, 2))
    file = tmp_path / "plan.json"
    write_plan(file, look.plan(on(made, 2), Phase.ASLEEP))
    made.web.services["dash"].env.pop("ERT_LLM_API_KEY_2")
    with pytest.raises(Failed, match="replica 2: "):
        lifecycle.sleep(on(made, 2), plan=file)


def bad(found: Status) -> set[Name]:
    return {link.name for link in found.links if link.level is Level.BAD}


def test_status_is_that_of_the_worst(made: FakeWorld) -> None:
    assert not lifecycle.up(on(made, 2)).undecided
    first, second = read.own_status(on(made, 2))
    assert (first.deployment, second.deployment) == ("ert", "ert.2")
    assert bad(first) == bad(second), "both serve the same"
    made.web.services["dash"].env.pop("ERT_LLM_API_KEY_2")
    now, other = read.own_status(on(made, 2))
    assert bad(now) == bad(first)
    assert Name.APP_CONFIG in bad(other) - bad(second)


def test_the_credit_of_each_is_by_the_price_of_all(made: FakeWorld) -> None:
    lifecycle.up(on(made, 2))
    made.gpu.credit = 10.0
    price = sum(one.dph for one in made.gpu.list_instances())
    links = [link for found in read.own_status(on(made, 2)) for link in found.links if link.name is Name.ACCOUNT]
    assert [link.seen for link in links] == [f"$10.00, {10 / price:.0f} h at ${price:.4f}/h"] * 2
    assert f"{10 / price:.0f}" != f"{20 / price:.0f}"


def test_sleep_wake_and_down_act_on_all(made: FakeWorld) -> None:
    lifecycle.up(on(made, 2))
    assert all(backend.asleep for backend in lifecycle.sleep(on(made, 2)).backends)
    assert not any(backend.asleep for backend in lifecycle.wake(on(made, 2)).backends)
    lifecycle.down(on(made, 2))
    assert not made.gpu.paid()
    assert not variables(made, "")
    assert not variables(made, "_2")


@pytest.mark.parametrize("lost", [False, True])
def test_a_smaller_number_removes_the_last_ones(made: FakeWorld, lost: bool) -> None:
    lifecycle.up(on(made, 3))
    if lost:
        made.store.lose()
    lifecycle.up(on(made, 1))
    assert len(made.gpu.paid()) == 1
    assert variables(made, "")
    assert not variables(made, "_2")
    assert not variables(made, "_3")


def test_key_rotate_changes_all_keys(made: FakeWorld) -> None:
    lifecycle.up(on(made, 2))
    before = {one.name for one in accepted_keys(on(made, 2))}
    rotation = rotate.rotate(on(made, 2))
    after = accepted_keys(on(made, 2))
    assert before == set(rotation.before.split(", "))
    assert {one.name for one in after} == set(rotation.after.split(", "))
    assert [one.app for one in after] == ["dash", "dash"]


def test_events_are_of_all_by_time(made: FakeWorld, tmp_path: Path) -> None:
    lifecycle.up(on(made, 2))
    place = tmp_path / ".ert" / "ert.json"
    place.parent.mkdir()
    StateFile(place, "ert", made.clock).save(replace(made.store.state, generation=0))
    found = events.events(on(made, 2))
    assert set(found.replicas) == {1, 2}
    assert list(map(abs, (one.at for one in found.events))) == sorted(abs(one.at) for one in found.events)
    assert [number for one, number in zip(found.events, found.replicas, strict=True) if one.what == "rented"] == [1, 2]


def test_an_instance_of_another_replica_is_found_and_decided(made: FakeWorld) -> None:
    lifecycle.up(on(made, 2))
    number = made.store.state.replicas[0].records[0].id
    assert decide.destroy(number, on(made, 2))
    assert len(made.gpu.paid()) == 1
    with pytest.raises(UsageError, match="no instance"):
        decide.destroy(number, on(made, 2))


def test_reap_finds_strays_of_every_replica(made: FakeWorld) -> None:
    lifecycle.up(on(made, 2))
    made.store.lose()
    strays = reap.find_strays(on(made, 1))
    assert sorted(strays.found) == ["ert", "ert.2"]
    assert len(strays.instances) + len(strays.undecided) == 2


def test_progress_names_the_replica(made: FakeWorld) -> None:
    seen = Watcher()
    lifecycle.up(on(made, 2), progress=seen)
    assert {one.replica for one in seen.events if isinstance(one, OfReplica)} == {1, 2}


def test_a_rebuilt_state_has_the_instances_of_all(made: FakeWorld, tmp_path: Path) -> None:
    lifecycle.up(on(made, 2))
    ids = sorted(one.id for part in (made.store.state, *made.store.state.replicas) for one in part.records)
    done = state.rebuild(on(made, 2))
    parts = (done.state, *done.state.replicas)
    assert [part.deployment for part in parts] == ["ert", "ert.2"]
    assert sorted(one.id for part in parts for one in part.records) == ids
    assert set(instance_ids(on(made, 2))) == set(ids)
    assert list(tmp_path.glob(".ert/*.json"))
