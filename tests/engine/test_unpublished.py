"""A run without the web host: it starts what is stopped, calls no app, rents nothing and removes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.events import Woken
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import read_facts
from tests.support.fakes.history import OTHER, done, is_up, told, up
from tests.support.fakes.loopback import FakeWorld, certificate
from tests.support.fakes.sleep import WAKE, asleep, awake
from tests.support.vast.says import says

ALONE = replace(WAKE, publishes=False)


def calls(made: FakeWorld) -> tuple[int, int]:
    """Return how often the web host was called, and how often a machine was created."""
    return len(made.web.faults.calls), made.gpu.faults.calls.count("create")


def test_it_starts_what_is_stopped_and_does_not_call_the_web_host() -> None:
    made = asleep()
    before = calls(made)
    up(made, ALONE)
    assert calls(made) == before
    assert made.gpu.only().starts == 1
    is_up(made)


def test_another_certificate_is_left_to_the_app() -> None:
    made = asleep()
    made.backend.certificate = lambda instance: certificate(instance.order.mark.token + "again")
    before = calls(made)
    up(made, ALONE)
    assert calls(made) == before
    assert [type(s) for s in done(made) if isinstance(s, steps.Pin | steps.Publish)] == []


def test_a_gpu_that_is_taken_is_an_error_and_is_tried_again_later() -> None:
    made = asleep()
    only = made.gpu.only()
    only.taken = True
    before = calls(made)
    with pytest.raises(NeedsAttention, match=r"another machine is needed.*resources_unavailable"):
        up(made, ALONE)
    assert calls(made) == before
    assert (only.halted, made.gpu.paid()) == (True, (only.id,))
    only.taken = False
    made.clock.go_on(WAKE.timings.start_lag)
    up(made, ALONE)
    assert made.gpu.running() == (only.id,)


def test_a_start_that_leads_nowhere_is_cancelled() -> None:
    made = asleep()
    only = made.gpu.only()
    only.override = lambda i: i if i.halted else replace(i, **says("exited"), address=None)
    with pytest.raises(NeedsAttention, match="another machine is needed"):
        up(made, ALONE)
    assert only.halted
    assert len(told(made, Woken)) == 1


def test_nothing_is_rented_where_the_config_has_changed() -> None:
    made = asleep()
    before = calls(made)
    with pytest.raises(NeedsAttention, match="another machine is needed"):
        up(made, replace(OTHER, begin=False, publishes=False))
    assert calls(made) == before


def test_its_verdict_reads_no_app() -> None:
    made = awake()
    before = calls(made)
    facts = run(read_facts(ALONE, RunMemory()), made.ports)
    assert calls(made) == before
    assert (facts.publications, facts.unread, facts.absent) == ((), {}, {})
    assert facts.instance is not None
