"""Kill the agent before each of its changes in memory, then as real processes on a sandbox: `make agent-kills`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ert_deploy.agent import keeper, view
from tests.support.agent import crowd, early_kills, processes
from tests.support.agent.kills import SCENES, calls_of, killed_at

NAMES = ("ert-sandbox", "second", "third")


def main() -> None:
    """Play all of it, and print what came of it."""
    keeper.FRESH, view.FIRST_PAUSE = 0.01, 0.3
    for name, scene in SCENES.items():
        total = calls_of(scene)
        for count in range(total + 1):
            killed_at(scene, count)
        _say(f"{name}: killed before each of {total} changes and after the last: ready with one machine")
    for early in early_kills.EARLY:
        with tempfile.TemporaryDirectory() as folder:
            total = early_kills.calls_of(Path(folder), early)
        for count in range(total + 1):
            with tempfile.TemporaryDirectory() as folder:
                early_kills.killed_at(Path(folder), early, count)
        _say(f"early start, {early}: killed before each of {total} changes and after the last: the day's bound held")
    with tempfile.TemporaryDirectory() as folder:
        _say(f"gateway, 400 at once while it sleeps: {crowd.played(Path(folder), 1000, 400).line()}")
    with processes.place() as made:
        _say(f"GPU free, two agents killed: {processes.killed_while_it_wakes(made, taken=False)}")
        _say(f"without the web host: {processes.without_the_web_host(made)}")
        _say(f"GPU taken, two agents killed: {processes.killed_while_it_wakes(made, taken=True)}")
        _say(f"memory with one deployment: {processes.memory_by_deployments(made, NAMES[:1]):.0f} MB")
        _say(f"memory with three deployments: {processes.memory_by_deployments(made, NAMES):.0f} MB")
        made.ert("down")
        _say(f"after `down`: {len(made.instances())} machines")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


main()
