"""A sample of `make simulate-guard`, the seeds that once failed, and some mutants that have to be detected."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.guard_schedules.mutants import MUTANTS, fate_of
from tests.guard_schedules.play import TROUBLES, play
from tests.job_schedules.mutants import BACKEND, Mutant
from tests.support.schedules import batch

# A claim reached the disk but not the guard, which destroyed the machine; the report of a hung app was counted as one
# that makes progress; a record of the budget that was made on a full disk was taken for a damaged one (twice).
ONCE_FAILED = (967, 1133, 10_011_054, 10_037_610)


def test_no_machine_is_stopped_wrongly_or_too_late_in_a_share_of_the_schedules() -> None:
    tally = batch(play, 1_000_000, 250)
    assert [(played.seed, played.broken) for played in tally.broken] == []
    assert all(
        tally.counts[kind] > 2 for kind in (*TROUBLES, "reports", "stop", "destroy", "engine killed", "last message")
    )


def test_the_budget_holds_with_everything_else_dead_in_a_share_of_the_schedules() -> None:
    played = [play(seed) for seed in range(2_000_002, 2_000_002 + 4 * 60, 4)]
    assert [(one.seed, one.broken) for one in played if one.broken] == []
    assert sum(one.counts["stop"] + one.counts["destroy"] for one in played) > 60


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_what_once_failed_stays_mended(seed: int) -> None:
    assert play(seed).broken == []


def test_a_seed_is_the_same_history_every_time() -> None:
    seeds = (*ONCE_FAILED, *range(1_000_000, 1_000_015))
    here = {seed: play(seed) for seed in seeds}
    assert {seed: play(seed) for seed in reversed(seeds)} == here
    assert len({tuple(played.history) for played in here.values()}) == len(seeds)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_one_exact_change(mutant: Mutant) -> None:
    source = (BACKEND / "ert_backend" / mutant.file).read_text()
    assert source.count(mutant.old) == 1
    compile(source.replace(mutant.old, mutant.new), mutant.file, "exec")


@pytest.mark.parametrize("name", ["do not wait for a report", "take an open record for never"])
def test_a_broken_guard_is_noticed(name: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    assert fate_of(mutant, most=2000) != ""


# Of a line in the log and of the last message, by which nothing is decided.
DATES = {"__main__.py": {"iso_now"}, "last_word.py": {"utc_now"}}


def test_the_guard_reads_no_clock_that_can_be_set() -> None:
    """Schedules cannot simulate a wall clock that jumps, so no guard code may read one to decide anything."""
    read = {"utc_now", "iso_now", "datetime", "time", "localtime"}
    files = [*(BACKEND / "ert_backend" / "guard").glob("*.py")]
    files += [BACKEND / "ert_backend" / "base" / f"{name}.py" for name in ("activity", "board", "claim", "log_sink")]
    assert len(files) > 10
    for file in files:
        assert _names(file) & read == DATES.get(file.name, set()), file.name


def _names(file: Path) -> set[str]:
    nodes = [*ast.walk(ast.parse(file.read_text()))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
    return imported | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
