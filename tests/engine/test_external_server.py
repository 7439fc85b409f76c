"""An app is moved to a server that is not rented: proven first, then every instance goes; and back to a rented one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.model.events import Proven
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.changes.summary import Kind, summary
from ert_deploy.core.planning.forecast.steps_ahead import forecast
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.history import (
    WANTED,
    done,
    down,
    is_down,
    is_up,
    kinds,
    served,
    start,
    told,
    until,
    up,
)
from tests.support.fakes.loopback import FakeWorld, world

SERVER = External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY", Secret("sk-of-the-server"), "a PEM")
THERE = replace(WANTED, external=SERVER)
NAMES = WANTED.targets[0].names


def uses_it(made: FakeWorld, server: External = SERVER) -> None:
    """Assert that the running app has the server's variables, and that nothing is rented or known to be."""
    service = made.web.services["dash"]
    assert service.env[NAMES.url] == Secret(server.url)
    assert service.env[NAMES.key] == server.key
    assert service.env[NAMES.model] == Secret(server.model)
    assert service.env.get(NAMES.certificate) == (Secret(server.certificate) if server.certificate else None)
    assert service.running == service.env
    assert service.neighbours_kept()
    assert made.gpu.paid() == ()
    assert made.store.state.empty()
    assert "sk-of-the-server" not in made.store.text, "the key is in the state"


def test_an_app_without_a_backend_gets_the_server_and_nothing_is_rented() -> None:
    made = world()
    up(made, THERE)
    uses_it(made)
    assert kinds(made) == ["Publish", "Deploy", "Prove"]
    assert made.gpu.instances == {}
    before = len(done(made))
    up(made, THERE)
    assert len(done(made)) == before, "a second run has nothing to do"


def test_a_server_with_a_certificate_of_a_public_ca_gets_no_certificate_variable() -> None:
    made = served()
    public = replace(SERVER, certificate="")
    up(made, replace(WANTED, external=public))
    uses_it(made, public)


def test_the_rented_machine_goes_only_after_the_app_is_proven_and_its_requests_are_finished() -> None:
    made = served()
    old = made.gpu.only()
    moving = start(made, THERE)
    until(moving, lambda: told(made, Proven)[1:])
    proven = made.clock.now()
    assert old.id in made.gpu.paid(), "it serves until the app has moved"
    up(made, THERE)
    uses_it(made)
    assert old.destroyed is not None
    assert old.destroyed >= proven + WANTED.timings.drain


def test_a_sleeping_machine_and_one_that_boots_go_too() -> None:
    made = served()
    made.gpu.stop(made.gpu.only().id)
    up(made, THERE)
    uses_it(made)
    other = world()
    booting = start(other)
    until(booting, other.gpu.paid)
    up(other, THERE)
    uses_it(other)


def test_an_app_that_cannot_be_proven_gets_its_old_values_back_and_the_machine_stays() -> None:
    made = served()
    before, old = dict(made.web.services["dash"].env), made.gpu.only()
    made.web.endings = ["update_failed"]
    with pytest.raises(Failed, match="update_failed"):
        up(made, THERE)
    assert made.web.services["dash"].env == before
    assert old.id in made.gpu.paid()
    assert not any(isinstance(step, steps.Retire) for step in done(made))
    up(made, THERE)
    uses_it(made)


def test_back_on_a_rented_machine_the_server_is_forgotten() -> None:
    made = world()
    up(made, THERE)
    up(made)
    is_up(made)
    service = made.web.services["dash"]
    assert NAMES.model not in service.env
    assert service.env[NAMES.key] != SERVER.key


@pytest.mark.parametrize("rented", [False, True])
def test_down_takes_the_server_from_the_app(rented: bool) -> None:
    made = served() if rented else world()
    up(made, THERE)
    down(made, replace(THERE, external=replace(SERVER, key=None)))
    is_down(made)
    assert made.web.services["dash"].running[NAMES.enabled] == Secret("false")
    assert NAMES.model not in made.web.services["dash"].env


def test_a_run_that_is_killed_anywhere_is_completed_by_the_next_one() -> None:
    for after in itertools.count(1, 7):
        made = served()
        ran_on = start(made, THERE).die(after)
        up(made, THERE)
        uses_it(made)
        if not ran_on:
            break
    assert after > 50


def test_the_plan_shows_each_variable_the_deploy_and_the_machine_that_goes_and_no_price() -> None:
    made = served()
    old = made.gpu.only()
    situation = run(observe(THERE, RunMemory()), made.ports)
    ahead = forecast(situation)
    plan = summary(situation, ahead)
    assert [(one.kind, one.instance_id) for one in plan.machines] == [(Kind.REMOVE, old.id)]
    changed = {one.name: one.kind for one in plan.variables}
    assert changed == {
        NAMES.url: Kind.CHANGE,
        NAMES.key: Kind.CHANGE,
        NAMES.certificate: Kind.CHANGE,
        NAMES.model: Kind.CREATE,
        NAMES.fingerprint: Kind.CHANGE,
    }
    assert not any(one.late for one in plan.variables)
    assert "dash keeps responding" in plan.interruptions[0].what
    assert "sk-of-the-server" not in repr(plan) + repr(ahead) + repr(situation)
    since = len(done(made))
    up(made, THERE)
    assert kinds(made, since) == [type(step).__name__ for step in ahead if not isinstance(step, steps.Drain)]


def test_the_history_names_the_server_in_each_change_of_it_and_not_after_the_way_back() -> None:
    made = served()
    up(made, THERE)
    up(made, replace(THERE, external=replace(SERVER, model="qwen3:14b")))
    up(made, WANTED)
    deployed = [one.why for one in made.store.state.history if one.what == "deployed"]
    named = [why.partition(", ")[2] for why in deployed]
    assert named == ["", "qwen3:8b on https://llm.example.org", "qwen3:14b on https://llm.example.org", ""]
    proven = [one.why for one in made.store.state.history if one.what == "proven"]
    assert [why.endswith("on https://llm.example.org") for why in proven] == [False, True, True, False]
    assert "sk-of-the-server" not in made.store.text
