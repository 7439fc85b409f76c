"""A machine that is suspended within a run: what it read before is read again before it acts, as others have acted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import Failed, StartRefused
from ert_deploy.core.model.events import Stranded, Trouble
from ert_deploy.engine.effects import Method
from ert_deploy.ports import BackendProbe, GpuHost, StateStore, WebHost
from tests.support.fakes.history import OTHER, WANTED, Process, done, is_up, served, start, told, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.rotation import nobody_is_refused
from tests.support.fakes.sleep import SLEEP, WAKE, asleep, awake, is_asleep
from tests.support.vast.says import says

NAMES = WANTED.targets[0].names
HOUR = 3600.0


def publishing(made: FakeWorld) -> Process[object]:
    """Return a run that is about to write the first variable of its machine."""
    run = start(made)
    while run.effect.method is not WebHost.put_env or not made.gpu.instances:
        run.step()
    return run  # type: ignore[return-value]


@pytest.mark.parametrize("written", [0, 1, 2])
def test_no_variable_is_written_that_was_read_before(written: int) -> None:
    made = world()
    run = publishing(made)
    for _ in range(written):
        run.step()
    up(made)  # of another operator, with another key
    (key,) = made.gpu.only().keys
    while run.step():
        assert made.web.services["dash"].env[NAMES.key].sha256() == key
        nobody_is_refused(made)
    run.finish()
    is_up(made)
    assert any("dash" in event.what for event in told(made, Trouble))


def test_the_mark_of_an_app_without_a_backend_is_not_written_over_one_that_has_one_by_now() -> None:
    made = world()
    run = start(made)
    while run.last is not GpuHost.search:
        run.step()
    up(made)
    env = dict(made.web.services["dash"].env)
    while run.step():
        assert made.web.services["dash"].env == env
    run.finish()
    is_up(made)
    assert len(made.gpu.instances) == 1


@pytest.mark.parametrize("slow", [WebHost.put_env, GpuHost.search])
def test_calls_that_take_longer_than_that_are_repeated_only_as_needed(slow: Method) -> None:
    made = world()
    run = start(made)
    while run.step():
        made.clock.go_on(70.0 if run.last is slow else 0.0)
    run.finish()
    is_up(made)
    written = made.web.faults.calls.count("put_env")
    assert (written, made.gpu.faults.calls.count("search") <= 4) == (9, True)


@pytest.mark.parametrize("saved", [False, True])
def test_old_values_are_not_put_back_over_those_of_another_run(saved: bool) -> None:
    made = served()
    made.web.endings = ["update_failed"]
    run = start(made, OTHER)
    while run.last is not WebHost.failure:
        run.step()
    while saved and run.last is not StateStore.save:
        run.step()
    up(made, OTHER)
    env = dict(made.web.services["dash"].env)
    while run.step():
        assert made.web.services["dash"].env == env
    assert (run.error is not None) is saved
    if saved:
        with pytest.raises(Failed, match="update_failed"):
            run.finish()
    is_up(made, OTHER)


def test_reports_that_have_begun_since_delay_a_stop() -> None:
    made = awake()
    run = start(made, SLEEP)
    while run.last is not BackendProbe.busy:
        run.step()
    made.clock.go_on(HOUR)
    made.backend.reports = 3
    run.finish()
    is_asleep(made)
    assert made.backend.reports == 0


@pytest.mark.parametrize("refused", [False, True])
def test_a_machine_that_another_run_has_started_since_is_not_stopped(refused: bool) -> None:
    made = asleep()
    machine = made.gpu.only()
    if refused:
        made.gpu.faults.queued["start"] = [StartRefused("taken")]
    else:
        machine.override = lambda i: i if i.halted else replace(i, **says("exited"), address=None)
    run = start(made, WAKE)
    while run.last is not GpuHost.start if refused else not [s for s in done(made) if isinstance(s, steps.Strand)]:
        run.step()
    made.clock.go_on(HOUR)
    machine.override = None
    up(made, WAKE)
    while run.step():
        assert not machine.halted
    run.finish()
    is_up(made)
    assert [made.gpu.only().id, told(made, Stranded)] == [machine.id, []]
