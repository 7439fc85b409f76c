"""A share of `make doctor-bench` on real processes: worlds of each group whose causes are found in different places."""

from __future__ import annotations

import pytest

from tests.doctor_bench.__main__ import chosen, play
from tests.doctor_bench.judge import Case

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
SHARE = "=config-invalid =pull-rate-limit =never-used-1 =host-offline+later-deploy-fails"


@pytest.mark.parametrize("case", chosen(["single", "pair", "healthy"], SHARE, 0, 1), ids=lambda one: one.id)
def test_the_cause_is_named_first_and_nothing_where_nothing_is_wrong(case: Case) -> None:
    found = play(case)
    assert found.right, found.line
    assert found.status_right, found.line
