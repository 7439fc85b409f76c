"""The gateway under load: hundreds of requests at once while it sleeps are one start, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.agent.crowd import GREETING, played
from tests.support.nightly import nightly

pytestmark = pytest.mark.process
MORE_MB = 12.0


@pytest.mark.parametrize(("count", "at_once"), [(140, 80), *nightly((1000, 400))])
def test_a_crowd_is_one_start_and_leaves_memory_and_descriptors_as_they_were(
    tmp_path: Path, count: int, at_once: int
) -> None:
    found = played(tmp_path, count, at_once)
    assert found.starts == 1
    assert set(found.crowd.statuses) == {200, 503}, "the limit was never reached, or a request has failed"
    assert (found.crowd.statuses[200], sum(found.crowd.answers.values())) == (count, count)
    assert all(GREETING in answer for answer in found.crowd.answers)
    assert found.bodies == count, "a request was sent twice, or not at all"
    assert found.after_all.memory - found.after_half.memory < MORE_MB
