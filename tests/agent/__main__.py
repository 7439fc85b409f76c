"""Kill the agent before each of its calls that change something, in every scene: `python -m tests.agent`."""

from __future__ import annotations

import sys

from ert_deploy.agent import keeper, view
from tests.support.agent.kills import SCENES, calls_of, killed_at

keeper.FRESH, view.FIRST_PAUSE = 0.01, 0.3
for name, scene in SCENES.items():
    total = calls_of(scene)
    for count in range(total + 1):
        killed_at(scene, count)
    sys.stdout.write(f"{name}: killed before each of {total} changes and after the last: ready with one machine\n")
