"""A complete move of an app to a backend: the real engine, adapter and probe against the sandbox's Render.

The GPU side is the one of `tests/support/fakes`, on the server's clock. The service has three pages of unrelated
variables with difficult values; after every move they must be unchanged, byte for byte and in their order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.bounded_http import Bounds
from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.core.model.desired import Desired, Target, Timings
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Event, Trouble
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.run import Ports, run
from ert_deploy.ports import AppAnswer
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.render.models import Profile, Timeline
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeBackend, FakeEntropy, FakeGpu, FakeRegistries, FakeStore
from tests.support.fakes.timing import FakeClock
from tests.support.render.world import KEY, World, running, until

SPEED = 400.0
PATIENCE = 3.0
STANDIN = Path(__file__).parents[2] / "kills" / "standin_app.py"
QUICK = Timeline(build=20.0, boot=10.0, drain=20.0, health_deadline=100.0, wake=60.0, patience=PATIENCE)
ODD = ["", " padded ", "two\nlines\n", "$(rm -rf /)", "é\u2028", '{"a": 1}', "'\"\\", "x" * 9000]
OTHERS = {f"OTHER_{n:03}": ODD[n % len(ODD)] for n in range(230)}
TIMINGS = Timings(poll=20.0, deploy_limit=4000.0, prove_limit=1500.0, drain=5.0)
E = TypeVar("E", bound=ErtError)
Told = Callable[[Event], object]


class WorldTime(FakeClock):
    """The clock of the in-memory ports, driven by the server's time; it cannot be set, only waited for."""

    def __init__(self, clock: CompressedClock) -> None:
        super().__init__(clock.now())
        self._clock = clock

    def real(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def go_on(self, seconds: float) -> None:
        """Does nothing: time passes by itself."""


@dataclass
class Witness:
    """Records the events, and the fingerprint of the app at every probe."""

    events: list[Event] = field(default_factory=list)
    shown: list[str | None] = field(default_factory=list)
    hooks: list[Told] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.events.append(event)
        for hook in self.hooks:
            hook(event)

    def troubles(self) -> str:
        """Return the problems that the run reported without failing."""
        return "\n".join(f"{e.what}: {e.why}" for e in self.events if isinstance(e, Trouble))


class Stage:
    """One service on the server, its deployment, and helpers for the cases of a table."""

    def __init__(self, world: World) -> None:
        same = world.double._clock
        self.world, self.double = world, world.double
        self.clock = CompressedClock(SPEED, same.epoch_wall, same.epoch_world)
        time = WorldTime(self.clock)
        self.gpu, self.store, self.timeout = FakeGpu(time), FakeStore("ert", time), 100
        for machine in self.gpu.offers:
            self.gpu.conduct[machine.machine_id] = lambda made: setattr(made, "boot", 5.0)
        self.backend = FakeBackend(self.gpu)
        self.witness = Witness()
        self.key = Secret(KEY)

    def desired(self, **changes: Any) -> Desired:
        """Return the current desired deployment."""
        target = Target("dashboard", **{"timeout": self.timeout, **changes})
        return replace(WANTED, targets=(target,), timings=TIMINGS)

    def up(self, desired: Desired | None = None, *hooks: Told) -> Result:
        """Run `ert-deploy up` with a new adapter, like a new process."""
        self.witness = Witness(hooks=list(hooks))
        web = RenderWeb(self.key, self.double.url, self.clock, Bounds(read=5, total=9))
        app = _Looking(HttpAppProbe(self.clock, Bounds(connect=2, read=2, total=3)), self.witness)
        there = FakeRegistries()
        ports = Ports(self.gpu, web, self.backend, app, there, self.store, self.clock, FakeEntropy(), self.witness)
        self.double.faults.seen.clear()
        return run(apply(desired or self.desired()), ports)

    def move(self, *hooks: Told, **changes: Any) -> str:
        """Change a setting of the app, deploy it, and check the invariants of every move; return the fingerprint."""
        self.timeout += 1
        self.up(self.desired(**changes), *hooks)
        mark = self.env()["ERT_LLM_CONFIG_FINGERPRINT"]
        assert self.env()["ERT_LLM_TIMEOUT"] == str(self.timeout)
        assert self.world.seen()["fingerprint"] == mark, "a 200 is no proof, the fingerprint is"
        assert self.witness.shown[-1] == mark
        return mark

    def env(self) -> dict[str, str]:
        """Return every variable of the service, read by an independent client."""
        found: dict[str, str] = {}
        cursor: dict[str, str] = {}
        while page := self.world.get("{s}/env-vars", limit="100", **cursor):
            found |= {row["envVar"]["key"]: row["envVar"]["value"] for row in page}
            cursor = {"cursor": page[-1]["cursor"]}
        return found

    def others(self) -> list[tuple[str, str]]:
        """Return the unrelated variables in their order."""
        return [(name, value) for name, value in self.env().items() if name.startswith("OTHER_")]

    def ours(self) -> dict[str, str]:
        """Return the variables that the deployment owns."""
        return {name: value for name, value in self.env().items() if not name.startswith("OTHER_")}

    def trouble(self, kind: str, **more: Any) -> None:
        """Make the platform misbehave."""
        self.double.trouble({"kind": kind, "service": self.world.service, **more})

    def fault(self, operation: str, **more: Any) -> None:
        """Make one call of that operation fail on the wire."""
        self.double.faults.add(Fault(operation, **more))

    def asked(self, operation: str) -> int:
        """Return how often the last run called an operation."""
        return self.double.faults.seen.count(operation)

    def deploys(self) -> list[dict[str, Any]]:
        """Return the newest deploys, newest first."""
        return [row["deploy"] for row in self.world.get("{s}/deploys", limit="20")]


class _Looking:
    """The real probe; logs the fingerprints that it returns."""

    def __init__(self, probe: HttpAppProbe, witness: Witness) -> None:
        self._probe, self._witness = probe, witness

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        shown = self._probe.fingerprint(app_url, target)
        self._witness.shown.append(shown)
        return shown

    def fingerprints(self, app_url: str, target: Target, most: int) -> Mapping[str, str]:
        return self._probe.fingerprints(app_url, target, most)

    def answer(self, app_url: str, target: Target) -> AppAnswer:
        return self._probe.answer(app_url, target)


@contextmanager
def staged(profile: Profile) -> Iterator[Stage]:
    """Run a service with three pages of unrelated variables whose app already uses a backend of this deployment."""
    command = [sys.executable, "-I", "-S", str(STANDIN)]
    with running(speed=SPEED, profile=profile, timeline=QUICK, command=lambda port: command) as world:
        bulk = [{"key": name, "value": value} for name, value in OTHERS.items()]
        assert world.call("PUT", "{s}/env-vars", json=bulk).status_code == 200
        stage = Stage(world)
        stage.up()
        yield stage


@contextmanager
def undisturbed(stage: Stage) -> Iterator[None]:
    """Check around each case: the other variables are unchanged, one backend exists, no fault is pending."""
    before = stage.others()
    assert before == list(OTHERS.items())
    yield
    stage.double.faults.clear()
    assert stage.others() == before
    assert len(stage.gpu.paid()) == 1
    assert "put_env_vars" not in stage.double.faults.seen, "the call that replaces all variables is never made"


def refused(stage: Stage, kind: type[E], words: str, *hooks: Told, **changes: Any) -> E:
    """Assert that a move raises `kind` and that the owned variables are restored; return the error."""
    before, mark = stage.ours(), stage.world.seen()["fingerprint"]
    with pytest.raises(kind, match=words) as caught:
        stage.move(*hooks, **changes)
    assert stage.ours() == before, "the previous values go back"
    until(lambda: stage.world.seen()["fingerprint"] == mark)
    stage.timeout -= 1
    return caught.value
