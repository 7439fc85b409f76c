"""A share of `make simulate-jobs`, the seeds that once failed, and a few mutants: the schedules must notice a break."""

from __future__ import annotations

import pytest

from tests.job_schedules.mutants import BACKEND, MUTANTS, killed_by
from tests.job_schedules.search import batch

# A caller claimed a machine whose stop had been ordered without an answer; the flag was lifted, the order came late.
ONCE_FAILED = (1249, 1262, 1271, 1568, 1612, 1659, 1709)


def test_no_report_is_lost_doubled_or_cut_in_a_share_of_the_schedules() -> None:
    tally = batch(1_000_000, 400)
    assert tally.broken == []
    assert tally.counts["written"] > 500
    assert all(tally.counts[kind] > 20 for kind in ("stop", "outbid", "kill", "crash", "move", "rotate", "redeploy"))


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_what_once_failed_stays_mended(seed: int) -> None:
    assert batch(seed, 1).broken == []


def test_a_seed_gives_the_same_schedule_wherever_it_is_played() -> None:
    alone, after = batch(77, 1), batch(70, 8)
    before = batch(70, 7)
    assert after.counts - before.counts == alone.counts


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_is_one_exact_change(mutant: object) -> None:
    file, old = mutant.file, mutant.old  # type: ignore[attr-defined]
    assert (BACKEND / "ert_backend" / file).read_text().count(old) == 1


@pytest.mark.parametrize("name", ["do not wait for a report in flight", "hand over another report's text"])
def test_a_broken_backend_is_noticed(name: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    assert killed_by(mutant, most=2000) != ""
