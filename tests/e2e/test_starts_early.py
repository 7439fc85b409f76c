"""An agent starts a machine that sleeps before the usual hour, so that the report which comes then need not wait."""

from __future__ import annotations

import signal

import pytest

from ert_deploy.adapters.state.notice_memory import NoticeFile
from ert_deploy.core.idle.hours import WEEK
from ert_deploy.core.idle.kept import Kept, kept
from ert_deploy.core.idle.prewarm import SLOT
from tests.e2e.conftest import Place
from tests.e2e.test_stops_by_itself import MINUTE, config, machine, until
from tests.support.agent.processes import agent
from tests.support.agent.served import KEY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280), pytest.mark.nightly]
POLICY = "\npolicy:\n  idle: learned\n  wait_price: 1\n  early_starts_per_day: 20\n"
IDLE = 30 * MINUTE
LATE = 14 * MINUTE  # of the usual request after its quarter of an hour: time for real processes to start


def stored(place: Place) -> Kept:
    """Return the document that the agents keep beside the state."""
    found = NoticeFile(place.folder / ".ert" / "ert-sandbox.json.uses").change(lambda lines: lines)
    return kept(found)


def test_the_machine_is_ready_when_the_usual_hour_comes(place: Place) -> None:
    name = config(place.folder, idle_stop="30m")
    (place.folder / name).write_text((place.folder / name).read_text() + POLICY)
    place.extra |= {"ERT_CONFIG": name, "ERT_AGENT_KEY": KEY.reveal()}
    place.ert("up")
    clock = place.world.clock
    begins = clock.now()
    hour = ((begins + IDLE) // SLOT + 3) * SLOT + LATE
    usual = Kept(wanted=tuple(hour - weeks * WEEK for weeks in (3, 2, 1)))
    NoticeFile(place.folder / ".ert" / "ert-sandbox.json.uses").change(lambda _: usual.lines())
    one = agent(place)
    until(lambda: (machine(place) or {})["cur_state"] == "stopped", 90)
    until(lambda: one.backend()["phase"] == "asleep", 30)
    assert clock.now() < hour - LATE
    (before,) = place.instances()
    until(lambda: one.backend()["phase"] == "ready", 120)  # nothing has asked for it
    assert clock.now() < hour, "it is ready before the hour"
    assert place.instances() == [before]
    (early,) = stored(place).early
    assert early.end == "open"
    assert len(place.data("report", "AAPL")["sections"]) == 5
    until(lambda: stored(place).open is None, 60)
    assert [(done.end, done.cost) for done in stored(place).early] == [("used", 0.0)]
    assert one.end(signal.SIGTERM) == 0
    place.ert("down")
    assert place.bill()["running"] == []
