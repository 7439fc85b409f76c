"""Figures of many launches, weeks, ledgers and plans are as recorded."""

from __future__ import annotations

import pytest

from tests.core.recorded.figures import KINDS, differences


@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_are_as_recorded(kind: str) -> None:
    assert not list(differences(kind)), "`python -m tests.core.recorded.figures --record` records an intended change"
