"""A sample of the abuse run: every curated input and some hundred generated ones, against the real processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.abuse.generated import generated
from tests.abuse.half_open import half_open
from tests.abuse.reports import answers, reports
from tests.abuse.run import corpus, play, play_reports, table
from tests.abuse.stage import stage

SEED = 20261123


def test_a_thousand_bad_inputs_and_five_hundred_half_open_connections(tmp_path: Path) -> None:
    inputs = corpus(1_000, SEED)
    with stage(tmp_path) as servers:
        tally = asyncio.run(play(inputs, servers))
        waited = asyncio.run(half_open(servers, shared_address=False, seconds=2.0))
    assert tally.problems() == [], table(tally)
    assert tally.distinct >= 950
    assert sum(row.withheld for row in tally.rows.values()) == sum(row.early for row in tally.rows.values()) > 60
    assert waited.held >= 400
    assert waited.failed == 0
    assert waited.p99 < 2.0


def test_reports_on_impossible_companies_are_written_and_hold_nobody_up(tmp_path: Path) -> None:
    inputs = list(reports(100, SEED))
    with stage(tmp_path, answers) as servers:
        tally, health = asyncio.run(play_reports(inputs, servers))
    assert tally.problems() == [], table(tally)
    assert tally.rows["report~"].classes["2xx"] >= 98, table(tally)
    assert health.failed == 0
    assert health.at(0.99) < 2.0


def test_a_seed_gives_the_same_inputs_and_the_whole_run_has_ten_thousand_distinct_ones() -> None:
    assert [i.digest for i in generated(300, 1)] == [i.digest for i in generated(300, 1)]
    assert [i.digest for i in generated(300, 1)] != [i.digest for i in generated(300, 2)]
    assert len({given.digest for given in corpus(10_500, SEED)}) >= 10_000
    assert [i.digest for i in reports(50, 1)] == [i.digest for i in reports(50, 1)]
    assert len({given.digest for given in reports(500, SEED)}) == 500
