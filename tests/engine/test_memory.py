"""What a run remembers, and that it begins with nothing."""

from __future__ import annotations

from dataclasses import fields

from ert_deploy.engine.memory import Memory

BEGINS_OTHERWISE = {"ranked_until": float("-inf")}


def test_a_run_begins_with_nothing_counted_found_or_made() -> None:
    fresh = {field.name: getattr(Memory(), field.name) for field in fields(Memory)}
    kept = {name: value for name, value in fresh.items() if value}
    assert kept == BEGINS_OTHERWISE
