"""`status` and a backend's off-switch: an unverified one is no good link, and an older backend does not report it."""

from __future__ import annotations

import pytest

from ert_deploy.app.outcome import backends
from ert_deploy.app.status.result import Status
from ert_deploy.cli.view.links import status_lines
from ert_deploy.core.model.observed import Health, Observed, OffSwitch, Vital
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Credit, Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Level, Name
from tests.support.fakes.loopback import certificate
from tests.support.ids import nth
from tests.support.situations import UP, instance


@pytest.mark.parametrize(
    ("off_switch", "level", "words"),
    [
        (OffSwitch.REFUSED, Level.BAD, "the provider denies its off-switch"),
        (OffSwitch.UNKNOWN, Level.UNKNOWN, "its off-switch is unconfirmed"),
        (OffSwitch.PROVEN, Level.GOOD, ""),
        (None, Level.UNKNOWN, "its image is too old to report it"),
    ],
)
def test_the_status_warns_of_an_off_switch_that_is_not_proven(
    off_switch: OffSwitch | None, level: Level, words: str
) -> None:
    health = Health(Vital.HEALTHY, off_switch=off_switch, certificate=certificate("seven"))
    situation = Situation(UP, Observed(1000.0, (instance(7),), State("ert"), health={nth(7): health}))
    (row,) = backends(situation)
    assert row.off_switch == (off_switch.value if off_switch else None)
    found = links(Facts(UP, Credit(25.0), situation))
    (guard,) = (link for link in found if link.name is Name.GUARD)
    assert guard.level is level
    shown = " ".join("\n".join(status_lines(Status("ert", links=found, backends=(row,)), 80)).split())
    assert words in shown
