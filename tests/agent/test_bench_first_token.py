"""`make bench-wake`: the load of the model is not ours, and every other stage counts."""

from __future__ import annotations

import pytest

from benchmarks.first_token import MOST, STAGES, THEIRS, report


def wake(seconds: float, load: float) -> dict[str, float]:
    return {name: load if name == THEIRS else seconds for name in list(STAGES)[1:]}


def test_what_is_ours_is_the_sum_without_the_load(capsys: pytest.CaptureFixture[str]) -> None:
    others = len(STAGES) - 2
    assert report([wake(1.0, 500.0), wake(2.0, 900.0), wake(1.5, 700.0)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].split()[-2:] == [f"{1.5 * others:.2f}", f"{2.0 * others:.2f}"]
    assert any(line.split()[-2:] == ["700.00", "900.00"] for line in lines)
    assert report([wake(MOST / others + 0.1, 0.0)]) == 1
