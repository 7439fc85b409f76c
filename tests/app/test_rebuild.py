"""`state rebuild`: a state with nothing but the error of a first `up` is replaced, a real one is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.app.state import rebuild
from ert_deploy.core.model.log.happened import FAILED, Happened
from ert_deploy.core.model.state import State
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import up
from tests.support.fakes.loopback import world


@pytest.mark.parametrize(("account", "new"), [("", True), ("424242", False)])
def test_only_a_state_that_knows_of_nothing_is_rebuilt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, account: str, new: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    made = world()
    up(made)
    deployment = on_fakes(made)
    failed = Happened(5.0, FAILED, why="the service dash is suspended")
    deployment.keeper().save(replace(State("ert"), account=account, history=(failed,)))
    done = rebuild(deployment)
    kept = deployment.keeper().load()
    assert done.rebuilt is new
    assert [record.id for record in kept.records] == ([made.gpu.only().id] if new else [])
    assert [(one.what, one.why) for one in kept.history] == [(FAILED, failed.why)]
