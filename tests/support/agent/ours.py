"""All that is ours around a machine, as processes that can be killed by their id and started again."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

from ert_deploy.sandbox.world import file as world_file
from ert_deploy.sandbox.world.control_client import ask
from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.delivery import agent, set_variable
from tests.support.agent.pids import apps, children
from tests.support.doubles.postgres import Server
from tests.support.doubles.relay import Relay

CONFIG = "ours.yaml"


class Ours:
    """Agent, app, Render and the database that has the state and the reports. `place.world` is before the relay."""

    def __init__(self, place: Place, database: Server, relay: Relay) -> None:
        self.place, self.database, self.relay = place, database, relay
        self.agent, url = agent(place)
        self._address = urlsplit(url).netloc

    def kill(self, whom: str) -> None:
        """End them like a machine that is gone: nothing of them runs on."""
        for name in self._chosen(whom):
            self._deaths[name]()

    def restart(self, whom: str) -> None:
        """Start again what was killed, where it was; the app is started by Render."""
        for name in reversed(self._chosen(whom)):
            if (birth := self._births.get(name)) is not None:
                birth()

    @staticmethod
    def _chosen(whom: str) -> list[str]:
        return ["agent", "dashboard", "render", "store"] if whom == "all" else [whom]

    @property
    def _deaths(self) -> dict[str, Callable[[], None]]:
        return {
            "agent": self._kill_agent,
            "dashboard": lambda: kill_app(self.place),
            "render": self._kill_render,
            "store": lambda: self.database.stop(signal.SIGKILL),
        }

    @property
    def _births(self) -> dict[str, Callable[[], None]]:
        return {"agent": self._start_agent, "render": self._start_render, "store": self.database.start}

    def _kill_agent(self) -> None:
        self.agent.send_signal(signal.SIGKILL)
        self.agent.communicate(timeout=30)

    def _start_agent(self) -> None:
        self.agent, _ = agent(self.place, listen=self._address)

    def _kill_render(self) -> None:
        """End the API, and the app with it: nobody starts it again meanwhile."""
        self.relay.kill()
        self.place.trouble(provider="render", kind="suspend")
        kill_app(self.place)

    def _start_render(self) -> None:
        self.relay.start()
        self.place.trouble(provider="render", kind="suspend", end=True)


def kill_app(place: Place) -> None:
    """Kill every process of the app; Render starts another one, as after a crash."""
    for pid in [pid for one in apps(place) for pid in (one, *children(one))]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def ours(folder: Path, database: Server, speed: float, **changes: str) -> Iterator[Ours]:
    """Run a sandbox whose Render is behind a relay, and an agent; the state and the reports are in one database."""
    (folder / CONFIG).write_text(config(**changes))
    for place in run_sandbox(folder, "toy", speed):
        set_variable(place, "DATABASE_URL", database.url(database.database()))
        relay = behind_relay(place)
        place.extra |= {"ERT_CONFIG": CONFIG, "ERT_STATE_DATABASE_URL": database.url(database.database())}
        made = Ours(place, database, relay)
        try:
            yield made
        finally:
            made.relay.kill()


def config(**changes: str) -> str:
    """Return the sample config with its state in a database, and with some of its lines changed or added."""
    text = f"{SAMPLE.read_text()}\nstate: postgres\n"
    for key, value in changes.items():
        text, count = re.subn(rf"^( *{key}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        if not count:
            text += f"\n{key}:\n{value}\n"
    return text


def behind_relay(place: Place) -> Relay:
    """Have every client of the sandbox's Render go through a process that can be killed."""
    found = urlsplit(place.world.render_url)
    assert found.port is not None
    relay = Relay(found.port)
    relay.start()
    url = place.world.render_url.replace(f":{found.port}", f":{relay.port}")
    world_file.save(place.folder / ".ert" / "sandbox", dataclasses.replace(place.world, render_url=url))
    return relay


def machine(place: Place) -> dict[str, Any]:
    """Return the one instance as its provider has it."""
    (found,) = ask(place.world, "GET", "/state")["machines"]
    return dict(found)


def ended(process: Popen[str]) -> str:
    """End an agent, and return what it has said."""
    process.terminate()
    return process.communicate(timeout=30)[1]
