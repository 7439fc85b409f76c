"""Hints for durations: what they suggest is accepted, and means what was written."""

from __future__ import annotations

import pytest

from ert_deploy.config.schema.parser import Bad
from ert_deploy.config.schema.scalars import seconds
from ert_deploy.config.yaml.tree import Scalar

read = seconds(0, 100 * 86400)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("1500ms", 1.5),
        ("250 milliseconds", 0.25),
        ("90 sec", 90.0),
        ("90S", 90.0),
        ("5 min", 300.0),
        ("5 minutes", 300.0),
        ("2hrs", 7200.0),
        ("1 hour", 3600.0),
        ("3 days", 259200.0),
        ("2w", 1209600.0),
        ("1 week", 604800.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("1m30s", 90.0),
        ("1d12h", 129600.0),
    ],
)
def test_a_suggestion_is_a_duration_of_that_length(written: str, means: float) -> None:
    with pytest.raises(Bad) as wrong:
        read(Scalar(written, "str", 1))
    assert wrong.value.hint.startswith("write ")
    assert read(Scalar(wrong.value.hint.removeprefix("write "), "str", 1)) == means


@pytest.mark.parametrize("written", ["5 months", "10mr", "3dr", "2y", "5us", "soon", "m", "1h30", "1m2h", "-5m"])
def test_what_could_mean_anything_gets_no_suggestion(written: str) -> None:
    with pytest.raises(Bad) as wrong:
        read(Scalar(written, "str", 1))
    assert not wrong.value.hint.startswith("write ")
