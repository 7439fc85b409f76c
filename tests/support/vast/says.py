"""What Vast.ai says of a contract in its three status fields, as its adapter understands it."""

from __future__ import annotations

from tests.simulation.ids import says

__all__ = ["says"]
