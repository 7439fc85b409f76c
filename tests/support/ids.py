"""Short ids of instances for tests."""

from __future__ import annotations

from tests.simulation.ids import nth

__all__ = ["nth"]
