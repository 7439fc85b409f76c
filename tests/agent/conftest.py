"""Short pauses, so that a test of a retry waits for tenths of a second."""

from __future__ import annotations

import pytest

from ert_deploy.agent import keeper, view


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "FRESH", 0.01)
    monkeypatch.setattr(view, "FIRST_PAUSE", 0.3)
