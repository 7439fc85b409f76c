"""Evidence of an account: a listing is certainly of the state's account if it has one instance of the state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.accounts import evident
from tests.support.ids import nth
from tests.support.situations import instance, intent, record, tombstone

BARE = replace(instance(1), mark=None)
NOTHING = State("ert")


@pytest.mark.parametrize(
    ("state", "listed", "certain"),
    [
        (replace(NOTHING, records=(record(1),)), BARE, True),
        (replace(NOTHING, tombstones=(tombstone(1),)), BARE, True),
        (replace(NOTHING, claims=Claims(adopted=(nth(1),))), BARE, True),
        (replace(NOTHING, claims=Claims(ignored=(nth(1),))), BARE, True),
        (replace(NOTHING, intents=(intent(1, 5),)), instance(1), True),
        (replace(NOTHING, intents=(intent(1, 5),)), BARE, False),
        (replace(NOTHING, intents=(intent(2, 5),)), instance(1), False),
        (replace(NOTHING, records=(record(2),)), instance(1), False),
        (NOTHING, instance(1), False),
    ],
)
def test_one_id_or_one_token_is_enough(state: State, listed: Instance, certain: bool) -> None:
    assert evident(state, (listed,)) is certain
