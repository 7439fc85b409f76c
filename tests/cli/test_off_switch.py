"""`status` and a backend's off-switch: an unverified one is a warning, and an older backend does not report it."""

from __future__ import annotations

import pytest

from ert_deploy.app.look import Status
from ert_deploy.app.outcome import backends
from ert_deploy.cli.commands.status import _show
from ert_deploy.core.model.observed import Health, Observed, OffSwitch, Vital
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.situation import Situation
from tests.support.ids import nth
from tests.support.situations import UP, instance


@pytest.mark.parametrize(
    ("off_switch", "words"),
    [
        (OffSwitch.REFUSED, "the provider denies its off-switch"),
        (OffSwitch.UNKNOWN, "its off-switch is unconfirmed"),
        (OffSwitch.PROVEN, ""),
        (None, ""),
    ],
)
def test_the_status_warns_of_an_off_switch_that_is_not_proven(
    off_switch: OffSwitch | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = Observed(1000.0, (instance(7),), State("ert"), health={nth(7): Health(Vital.HEALTHY, off_switch=off_switch)})
    (row,) = backends(Situation(UP, seen))
    assert row.off_switch == (off_switch.value if off_switch else None)
    _show(Status("ert", backends=(row,)))
    shown = capsys.readouterr().out
    assert ("warning" in shown) is bool(words)
    assert words in shown
