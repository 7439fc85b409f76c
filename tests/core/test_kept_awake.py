"""Kept up: which machine is started so that as many are up as wanted, and when none is."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.boot.allowance import SPENT
from ert_deploy.core.model.log.happened import FAILED
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.kept import sleeper, to_keep
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.waking import CONTENT, Phase
from tests.core.test_waking import recalling
from tests.support.verdicts import empty, serving, sleeping

Seen = tuple[Phase, Asleep | None]
UP, BOOTS, GONE = (Phase.READY, None), (Phase.WAKING, None), (Phase.GONE, None)
IDLE, LIMIT, ASKED = ((Phase.ASLEEP, why) for why in (Asleep.IDLE, Asleep.LIMIT, Asleep.ASKED))
NOT_TO, UNKNOWN = (Phase.ASLEEP, None), (Phase.UNKNOWN, None)


@pytest.mark.parametrize(
    ("least", "each", "number"),
    [
        (0, (IDLE,), 0),
        (1, (IDLE,), 1),
        (1, (LIMIT,), 1),
        (1, (ASKED,), 0),
        (1, (UP, IDLE, IDLE), 0),
        (1, (IDLE, UP), 0),
        (2, (UP, ASKED, IDLE), 2),
        (2, (BOOTS, ASKED), 2),
        (2, (UP, NOT_TO, IDLE), 3),
        (2, (UP, GONE), 0),
        (2, (ASKED, IDLE), 2),
        (2, (UP, UNKNOWN, IDLE), 0),
        (2, (UNKNOWN, ASKED), 0),
        (2, (UP, UP, IDLE), 0),
    ],
)
def test_one_more_is_started_where_too_few_are_awake(least: int, each: tuple[Seen, ...], number: int) -> None:
    need, found = to_keep(least, each)
    assert found == number
    assert (need == CONTENT) is (number == 0)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (sleeping(Asleep.IDLE), Asleep.IDLE),
        (sleeping(Asleep.ASKED), Asleep.ASKED),
        (sleeping(Asleep.CREDIT), None),
        (sleeping(Missing("no log")), Asleep.ASKED),
        (serving(), None),
        (empty(), None),
        (recalling(sleeping(Asleep.IDLE), FAILED), None),
        (recalling(sleeping(Asleep.BUDGET), FAILED, why=SPENT), Asleep.BUDGET),
    ],
)
def test_a_machine_may_be_started_that_no_person_has_to_look_at_first(facts: Facts, why: Asleep | None) -> None:
    assert sleeper(facts) is why
