"""Nightly cases: those of a parametrized test that `make test` leaves out, and `make nightly` runs."""

from __future__ import annotations

from typing import Any

import pytest


def nightly(*cases: Any) -> list[Any]:
    """Return the cases with the mark `nightly`; one that is a tuple has several arguments."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.nightly) for case in cases]
