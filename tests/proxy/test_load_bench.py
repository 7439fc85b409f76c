"""What `make load-test` makes of Locust's and HAProxy's figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import Measured, good, load, shares, table

FOUND = Measured(requests=20, failures=0, seconds=10.0, times={100: 10, 900: 9, 2000: 1})


class Told:
    """A proxy whose admin socket has only one response."""

    def admin(self, *_commands: str) -> list[str]:
        rows = ("v1,FRONTEND,9", "llm,r1,4", "llm,r2,5", "llm,BACKEND,9", "pinned,r1,4", "pinned,none,")
        return ["\n".join(("# pxname,svname,stot", *rows))]


def test_the_share_of_each_machine_is_that_of_the_first_stage() -> None:
    proxy: Any = Told()
    assert shares(proxy) == {"r1": 4, "r2": 5}


def test_quantiles_are_of_all_responses() -> None:
    assert [FOUND.quantile(share) for share in (0.5, 0.51, 0.95, 1.0)] == [0.1, 0.9, 0.9, 2.0]
    assert Measured(0, 0, 0.0, {}).quantile(0.95) == 0.0
    lines = list(table(FOUND, {"r1": 15, "r2": 5}))
    assert "| 20 | 0 | 2.00 | 0.10 s | 0.90 s |\n" in lines
    assert "| r2 | 5 | 25% |" in lines


@pytest.mark.parametrize(
    ("failures", "sent", "expected"),
    [(0, {"r1": 7, "r2": 7, "r3": 6}, True), (1, {"r1": 20}, False), (0, {"r1": 15, "r2": 5}, False), (0, {}, False)],
)
def test_a_failure_or_a_machine_that_is_left_out_fails_it(failures: int, sent: dict[str, int], expected: bool) -> None:
    assert good(Measured(20, failures, 10.0, FOUND.times), sent) is expected


def test_what_locust_reports_is_read_and_its_silence_is_an_error(tmp_path: Path) -> None:
    row = {"num_requests": 3, "num_failures": 1, "start_time": 5.0, "last_request_timestamp": 8.0}
    program = tmp_path / "locust"
    program.write_text(f"#!/bin/sh\necho '{json.dumps([row | {'response_times': {'90': 2, '100': 1}}])}'\n")
    program.chmod(0o700)
    assert load(program, "http://127.0.0.1:9", 1, 1) == Measured(3, 1, 3.0, {90: 2, 100: 1})
    program.write_text("#!/bin/sh\necho broken >&2\n")
    with pytest.raises(RuntimeError, match="broken"):
        load(program, "http://127.0.0.1:9", 1, 1)
