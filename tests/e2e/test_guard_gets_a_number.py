"""The agent gives the guard the idle limit of a policy, and the machine stops by it when the agent is dead."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.conftest import SAMPLE, Place
from tests.e2e.test_stops_by_itself import MINUTE, SPEED, limits, machine, until
from tests.support.agent.processes import agent
from tests.support.agent.served import KEY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280), pytest.mark.nightly]
RENTED = 120 * MINUTE  # `idle_stop` of the sample


def test_a_dead_agent_leaves_its_shorter_limit_with_the_guard(place: Place) -> None:
    text = SAMPLE.read_text() + "\npolicy:\n  idle: break-even\n  wait_price: 0\n"
    (place.folder / "policy.yaml").write_text(text)
    place.extra |= {"ERT_CONFIG": "policy.yaml", "ERT_AGENT_KEY": KEY.reveal()}
    place.ert("up")
    row = machine(place)
    assert row is not None
    assert limits(row)["ERT_IDLE_STOP"] == f"{RENTED:.0f}"
    one = agent(place)
    assert one.process.stderr is not None
    said = next(line for line in one.process.stderr if "without use (policy/idle: break-even)" in line)
    given = float(said.split(" stops it after ")[1].split()[0])
    assert MINUTE <= given < RENTED / 4
    assert one.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: (machine(place) or {})["cur_state"] == "stopped", 90)
    (paid,) = place.bill()["rows"]
    assert paid["gpu_seconds"] < RENTED
    assert paid["gpu_seconds"] <= given + 90 * SPEED
    assert place.data("status")["money"]["asleep"] == "idle"
    place.ert("down")
    assert place.bill()["running"] == []
