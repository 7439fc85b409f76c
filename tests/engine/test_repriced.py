"""The price of a machine that serves changes after it was rented: within the cap it is said, above it is acted on."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ert_deploy.app.outcome import Outcome, outcome_of
from ert_deploy.app.status.read import status
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.events import Retired
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, is_up, served, told, up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.market import offer

WAKE = replace(WANTED, begin=False)


def came_up(made: FakeWorld, desired: Desired = WANTED) -> Outcome:
    return outcome_of(up(made, desired), changed=False, clock=made.clock)


def contract(made: FakeWorld) -> tuple[str, str, str]:
    """Return level, text and reason of the line of `status` about the machine."""
    (line,) = [link for link in status(on_fakes(made)).links if link.name.value == "contract"]
    return line.level.value, line.seen, line.why


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (0.205, ""),
        (0.2015, ""),
        (0.3, "rose from $0.2010/h"),
        (0.1, "fell from $0.2010/h"),
        (0.4, "rose from $0.2010/h"),
    ],
)
def test_a_price_that_changes_within_the_cap_is_said_by_up_and_status(
    price: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = served()
    first = made.gpu.only()
    first.dph = price if said else first.dph * (1 + price / 100)
    outcome = came_up(made)
    assert (outcome.left, outcome.backends[0].repriced) == (None, said)
    assert made.gpu.only() is first
    show_backend(outcome)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  price ")]
    level, seen, _ = contract(made)
    assert level == "good"
    assert bool(lines) == bool(said) == ("since it was rented" in seen)
    if said:
        assert lines == [f"  price     it {said} to ${price:.4f}/h since it was rented; the limit is offer/max_dph"]
        assert f"${price:.4f}/h ({said} since it was rented)" in seen


@pytest.mark.parametrize("command", [WANTED, WAKE], ids=["up", "wake"])
@pytest.mark.parametrize("price", [0.41, 4.0])
def test_a_price_beyond_the_cap_is_never_accepted_silently(price: float, command: Desired) -> None:
    made = served()
    first, made.gpu.offers = made.gpu.only(), ()
    first.dph = price
    outcome = came_up(made, command)
    assert outcome.left is not None
    assert outcome.left.exit_code == 5
    known = f"${price:.4f}/h"
    assert f"instance {first.id} keeps serving, but it costs {known}, the cap is $0.4/h" in outcome.left.summary
    level, seen, why = contract(made)
    assert (level, known in seen) == ("bad", True)
    assert "the cap is $0.4/h (offer/max_dph)" in why


@pytest.mark.parametrize("command", [WANTED, WAKE], ids=["up", "wake"])
def test_a_price_beyond_the_cap_is_replaced_by_an_offer_within_it(command: Desired) -> None:
    made = served()
    first = made.gpu.only()
    first.dph = 0.41
    made.gpu.offers = (offer(30, dph_total=0.3),)
    outcome = came_up(made, command)
    assert outcome.left is None
    assert made.gpu.only() is not first
    assert outcome.backends[0].dph == 0.3
    assert [retired.reason for retired in told(made, Retired)] == ["replaced"]
    is_up(made)


def test_a_price_that_is_unknown_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    made = served()
    made.gpu.only().dph = math.nan
    outcome = came_up(made)
    show_backend(outcome)
    assert "an unknown price per hour" in capsys.readouterr().out
    assert outcome.backends[0].repriced == ""
    level, _, why = contract(made)
    assert (level, why) == ("unknown", "the provider lists no price of it")
