"""The agent killed at some of its calls while it wakes; the next one ends ready, with one machine.

`make agent-kills` plays every call.
"""

from __future__ import annotations

import pytest

from tests.support.agent.kills import SCENES, killed_at

POINTS = [(scene, count) for scene, few in SCENES.items() for count in few.points]


@pytest.mark.parametrize(("scene", "count"), POINTS)
def test_the_next_agent_ends_what_a_killed_one_began(scene: str, count: int) -> None:
    killed_at(SCENES[scene], count)
