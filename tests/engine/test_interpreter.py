"""Production interpreter, and the reads of an observation."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import CannotObserve, UsageError
from ert_deploy.core.model.events import Booting
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import HANDLERS, apply
from ert_deploy.engine.effects import Effects, Method, ask
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import AppProbe, BackendProbe, GpuHost, StateStore, TimeSource, WebHost
from tests.support.fakes.history import GONE, WANTED, Process, done, is_down, is_up, start, up
from tests.support.fakes.loopback import world


def test_run_plays_the_same_history_as_the_stepped_one() -> None:
    stepped, plain = world(), world()
    up(stepped)
    run(apply(WANTED), plain.ports)
    is_up(plain)
    assert plain.listener.events == stepped.listener.events
    assert plain.clock.time == stepped.clock.time
    run(apply(GONE), plain.ports)
    is_down(plain)


def test_a_wait_is_told_once_and_every_other_step_each_time() -> None:
    made = world()
    up(made)
    assert len(made.listener.of(Booting)) > 2
    assert len([step for step in done(made) if isinstance(step, steps.AwaitBoot)]) == 1
    assert {steps.Rent, steps.Publish, steps.Deploy} <= {type(step) for step in done(made)}


def test_what_a_port_raises_is_raised_where_the_effect_was_asked_for() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [CannotObserve("no answer")]
    caught: list[str] = []

    def looks_twice() -> Effects[int]:
        try:
            yield from ask(GpuHost.list_instances)
        except CannotObserve as error:
            caught.append(error.summary)
        return len((yield from ask(GpuHost.list_instances)))

    assert run(looks_twice(), made.ports) == 0
    assert caught == ["no answer"]


def test_an_error_nobody_catches_leaves_the_run() -> None:
    made = world()
    made.web.services["dash"].suspended = "by the user"
    with pytest.raises(UsageError):
        run(apply(WANTED), made.ports)


def test_every_step_has_one_function_that_carries_it_out() -> None:
    assert set(HANDLERS) == set(get_args(steps.Step))
    assert len(set(HANDLERS.values())) == len(HANDLERS)
    for kind, carry_out in HANDLERS.items():
        assert [*get_type_hints(carry_out).values()] == [kind, Run, Effects[None]], kind


def test_a_look_places_the_instances_again_only_where_the_apps_may_change_whose_they_are() -> None:
    made, memory = world(), RunMemory()
    up(made)
    first = Process(made, observe(WANTED, memory)).finish()
    assert memory.given is not None
    assert memory.given[3] == first.services != frozenset(), "placed again, as the services were not known before"
    second = Process(made, observe(WANTED, memory)).finish()
    assert second.placed is first.placed is not None
    made.gpu.only().order = replace(made.gpu.only().order, env={**made.gpu.only().order.env, "ERT_OWNER": ""})
    made.store.lose()
    assert Process(made, observe(WANTED, memory)).finish().placed is None, "an app may say whose it is"


def test_a_look_lists_before_it_loads() -> None:
    made = world()
    look: Process[Situation] = Process(made, observe(WANTED, RunMemory()))
    order: list[Method] = []
    while not look.ended:
        order.append(look.effect.method)
        look.step()
    assert order == [
        GpuHost.list_instances,
        StateStore.load,
        GpuHost.account,
        TimeSource.moment,
        TimeSource.moment,
        WebHost.service,
        WebHost.read_env,
        AppProbe.fingerprint,
    ]


def test_an_instance_made_between_listing_and_loading_is_not_taken_for_a_stray() -> None:
    made = world()
    first, second = start(made), start(made)
    while first.effect.method is not StateStore.load:
        first.step()
    while not made.store.state.records:
        second.step()
    first.finish()
    second.finish()
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_what_is_marked_for_deletion_is_not_probed_any_more() -> None:
    made = world()
    up(made)
    probes = 0
    run_ = start(made, GONE)
    while not run_.ended:
        marked = bool(made.store.state.tombstones)
        probes += run_.effect.method is BackendProbe.probe and marked
        run_.step()
    assert probes == 0


def test_while_a_boot_is_waited_for_render_is_left_alone() -> None:
    made = world()
    made.gpu.conduct["1001"] = lambda instance: setattr(instance, "boot", 900.0)
    up(made)
    assert made.gpu.faults.calls.count("list") > 80
    assert made.web.faults.calls.count("read_env") < 15
