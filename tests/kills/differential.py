"""Differential test: the same fault in a real run and in the simulator must lead to the same result.

Each `Row` defines a request to fail, the `Effect`, and the equivalent fault in the simulator. If the adapter retries
the call, a single network fault is not visible to the engine (`twin` is empty), and a fault in every attempt is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import ErtError
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Method
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import GpuHost, WebHost
from tests.kills.fault_proxy import FaultProxy, in_front_of
from tests.kills.invariants import books, nothing_lost
from tests.kills.stage import Stage
from tests.simulation.faults import Faults
from tests.simulation.interpreter import carry_out
from tests.simulation.stories import DOWN, WANTED
from tests.simulation.world import Actor, Killed, World

PATIENCE = 2.0  # response timeout of the adapters in real seconds
KILLED = -9
GRAVEYARD: list[Any] = []  # SIGKILL runs no `finally`: the generator is stored
VAST, RENDER = "vast", "render"


@dataclass(frozen=True, slots=True)
class Row:
    """Inject `kind` into `count` requests to `side` that match `route`; `twin` into the first call of `effect`."""

    verb: str
    side: str
    route: str
    kind: str
    effect: Method
    twin: str
    count: int = 1
    skip: int = 0

    def __str__(self) -> str:
        often = f" x{self.count}" if self.count > 1 else ""
        return f"{self.verb}: {self.kind}{often} at {self.effect.__qualname__}"


@dataclass(frozen=True, slots=True)
class Came:
    """Result: exit code of the command with the fault, number of existing and of created instances, and the same values
    after one more command without faults."""

    ended: int
    existing: int
    made: int
    calm_ended: int
    calm_existing: int
    calm_made: int


CREATE, LIST, DESTROY = r"PUT /api/v0/asks/", r"GET /api/v1/instances/", r"DELETE /api/v0/instances/"
SEARCH, PUT, DELETE = r"POST /api/v0/bundles/", r"PUT .*/env-vars/", r"DELETE .*/env-vars/"
DEPLOY, FOLLOW, READ = r"POST .*/deploys$", r"GET .*/deploys/dep-", r"GET .*/env-vars"
# Faults of a create call, which is sent exactly once.
CREATES = {
    "timeout-before": "timeout", "timeout-after": "timeout-after", "429": "429", "429-told": "429",
    "5xx-before": "5xx", "5xx-after": "5xx-after", "truncated": "malformed-after", "html": "malformed-after",
    "empty": "malformed-after", "trickle": "", "duplicate": "duplicate", "duplicate-first": "duplicate",
    "reset-before": "timeout", "reset-after": "timeout-after", "kill-before": "kill-before",
    "kill-after": "kill-after",
}  # fmt: skip
ONCE = ("429-told", "5xx-before", "truncated", "empty", "trickle", "reset-before")
VAST_TRIES, RENDER_TRIES = 4, 5


def rows() -> Iterator[Row]:
    """Return all rows."""
    for kind, twin in CREATES.items():
        yield Row("up", VAST, CREATE, kind, GpuHost.create, twin)
    yield from _reads()
    yield from _writes("up", PUT, WebHost.put_env)
    yield from _writes("down", DELETE, WebHost.delete_env)
    yield from _destroys()
    yield from _deploys()


def _reads() -> Iterator[Row]:
    for kind in ("timeout-before", "429", "5xx-before", "reset-after", "truncated", "trickle"):
        yield Row("up", VAST, LIST, kind, GpuHost.list_instances, "")
        yield Row("up", VAST, SEARCH, kind, GpuHost.search, "")
        yield Row("up", RENDER, READ, kind, WebHost.read_env, "")
        yield Row("up", RENDER, FOLLOW, kind, WebHost.get_deploy, "")
    for kind in ("html", "empty"):
        yield Row("up", VAST, LIST, kind, GpuHost.list_instances, "malformed")
    for verb in ("up", "down"):
        yield Row(verb, VAST, LIST, "5xx-before", GpuHost.list_instances, "5xx", count=VAST_TRIES)
        yield Row(verb, VAST, LIST, "kill-after", GpuHost.list_instances, "kill-after")


def _writes(verb: str, route: str, effect: Method) -> Iterator[Row]:
    for kind in ("timeout-after", "429-told", "5xx-before", "5xx-after", "reset-before", "reset-after", "duplicate"):
        yield Row(verb, RENDER, route, kind, effect, "")
    for kind, twin in (("5xx-before", "5xx"), ("5xx-after", "5xx-after"), ("429", "429")):
        yield Row(verb, RENDER, route, kind, effect, twin, count=RENDER_TRIES)
    for kind in ("kill-before", "kill-after"):
        yield Row(verb, RENDER, route, kind, effect, kind)


def _destroys() -> Iterator[Row]:
    for kind in ("timeout-after", "429", "5xx-after", "truncated", "html", "reset-before", "reset-after", "duplicate"):
        twin = {"truncated": "malformed-after", "html": "malformed-after"}.get(kind, "")
        yield Row("down", VAST, DESTROY, kind, GpuHost.destroy, twin)
    for kind, twin in (("5xx-before", "5xx"), ("5xx-after", "5xx-after"), ("reset-before", "timeout")):
        yield Row("down", VAST, DESTROY, kind, GpuHost.destroy, twin, count=VAST_TRIES)
    for kind in ("kill-before", "kill-after"):
        yield Row("down", VAST, DESTROY, kind, GpuHost.destroy, kind)


def _deploys() -> Iterator[Row]:
    twins = {
        "timeout-before": "timeout", "timeout-after": "", "429-told": "", "5xx-before": "timeout", "5xx-after": "",
        "truncated": "", "reset-before": "timeout", "reset-after": "", "kill-before": "kill-before",
        "kill-after": "kill-after",
    }  # fmt: skip
    for kind, twin in twins.items():
        yield Row("up", RENDER, DEPLOY, kind, WebHost.deploy, twin)


def real(row: Row, stage: Stage) -> Came:
    """Run `row` with a real process and sockets."""
    if row.verb == "down":
        stage.desk.ert("up")
    stage.desk.extra["ERT_KILLS_PATIENCE"] = str(PATIENCE)
    url = stage.file.vast_url if row.side == VAST else stage.file.render_url
    with in_front_of(url, lambda: {stage.nursery.pid}) as proxy:
        _through(proxy, row.side, stage)
        proxy.add(row.kind, row.route, row.skip, row.count)
        first = stage.desk.run(row.verb)
        assert proxy.struck() == [row.kind] * row.count, f"struck {proxy.struck()}: {first.said}"
        assert "Traceback" not in first.said, first.said
        existing, made = len(stage.existing()), len(stage.ours())
        proxy.calm()
        second = stage.desk.run(row.verb)
        assert "Traceback" not in second.said, second.said
    books(stage)
    nothing_lost(stage)
    return Came(first.code, existing, made, second.code, len(stage.existing()), len(stage.ours()))


def _through(proxy: FaultProxy, side: str, stage: Stage) -> None:
    if side == VAST:
        stage.point_at(vast_url=proxy.url)
    else:
        stage.point_at(render_url=proxy.url)


def simulated(row: Row) -> Came:
    """Run `row` in the simulator."""
    desired = WANTED if row.verb == "up" else DOWN
    plan = [(_call(row), (row.twin, 1.0))] if row.twin else []
    world = _prepared(row, plan)
    first = _command(world, desired)
    existing, made = len(world.paid), len(world.machines)
    world.calm()
    world.advance(world.now + 10.0)
    second = _command(world, desired)
    return Came(first, existing, made, second, len(world.paid), len(world.machines))


def _prepared(row: Row, plan: list[tuple[int, tuple[str, float]]]) -> World:
    world = World(Faults(plan=plan))
    if row.verb == "down":
        assert _command(world, WANTED) == 0
    return world


def _call(row: Row) -> int:
    """Return the number of the first call of `Row.effect`, starting at the creation of the environment."""
    world = _prepared(row, [])
    before = world.calls
    world.seen = []
    world.watched = True
    _command(world, WANTED if row.verb == "up" else DOWN)
    return before + world.seen.index(row.effect) + 1


def _command(world: World, desired: Desired) -> int:
    """Run one command and return the exit code of the CLI."""
    effects, world.acting = apply(desired, RunMemory()), Actor(desired)
    try:
        effect = next(effects)
        while True:
            world.took = 0.0
            try:
                value = carry_out(world, effect)
            except ErtError as error:
                effect = effects.throw(error)
            else:
                effect = effects.send(value)
            world.advance(world.now + world.took)
    except StopIteration as done:
        return 5 if done.value.abandoned or done.value.left else 0
    except Killed:
        GRAVEYARD.append(effects)
        return KILLED
    except ErtError as error:
        return error.exit_code
