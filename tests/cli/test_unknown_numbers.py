"""Unknown numbers: null in `--json`, a text on a terminal, never NaN and never $0."""

from __future__ import annotations

import json

import pytest

from ert_deploy.app.outcome import Outcome, backends
from ert_deploy.cli.options import emit_json
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.situation import Situation
from tests.support.situations import UP, instance

NAN = float("nan")


def test_json_has_null_for_a_number_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": NAN, "b": [1.5, (float("inf"),)], "c": {"d": "x"}})
    assert json.loads(capsys.readouterr().out) == {"version": 1, "a": None, "b": [1.5, [None]], "c": {"d": "x"}}


def test_an_unknown_price_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    seen = Observed(1000.0, (instance(7, dph=NAN, disk_dph=NAN),), State("ert"))
    show_backend(Outcome("ert", Phase.RUNNING, changed=True, backends=backends(Situation(UP, seen))))
    shown = capsys.readouterr().out
    assert "an unknown price per hour, instance 7" in shown
    assert "nan" not in shown
