"""Outgoing calls with faults; `python -m tests.outgoing` runs all combinations and prints the table."""

from __future__ import annotations

import pytest

from tests.outgoing.calls import CALLS, Outgoing
from tests.outgoing.foreign import FOREIGN, refused
from tests.outgoing.troubles import TROUBLES, play

# Faults that last until a deadline are run for one call per module.
SLOW = frozenset({"trickling header", "trickling body"})
FIRST = {call.module: call for call in reversed(CALLS)}
CELLS = [(call, name) for call in CALLS for name in TROUBLES if name not in SLOW or FIRST[call.module] is call]

pytestmark = pytest.mark.process


@pytest.mark.parametrize(("call", "trouble"), CELLS, ids=[f"{call.name}, {name}" for call, name in CELLS])
def test_no_trouble_is_taken_for_an_answer_and_nothing_goes_elsewhere(call: Outgoing, trouble: str) -> None:
    seen = play(call, trouble)
    assert seen.held, seen.words


@pytest.mark.parametrize("name", FOREIGN)
def test_a_place_for_a_log_that_is_not_on_the_internet_is_not_read(name: str) -> None:
    assert refused(FOREIGN[name]) is not None


def test_a_provider_on_loopback_may_name_loopback_and_no_other_place_of_the_operators_network() -> None:
    assert refused("http://127.0.0.1:9/x.log", "https://console.vast.ai") is not None
    assert refused("https://192.168.1.1/x.log", "http://127.0.0.1:8080") is not None
    assert refused("http://127.0.0.1:9/x.log", "http://127.0.0.1:8080") is None
