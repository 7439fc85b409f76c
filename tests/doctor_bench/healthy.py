"""Healthy worlds: a hundred deployments in which no cause may be named, slow and odd as they look.

Each of 20 kinds is played in 5 variants, by how slow or how often it is. All of them are as wanted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.doctor_bench.world import World

VARIANTS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Healthy:
    """One world: `play` brings a new one to it. `busy`: a command of ert-deploy still runs in it."""

    kind: str
    variant: int
    act: Callable[[World, int], Any]
    busy: bool = False

    @property
    def id(self) -> str:
        """Kind and variant."""
        return f"{self.kind}-{self.variant}"

    def play(self, world: World) -> None:
        """Bring the world to it."""
        self.act(world, self.variant)


def never_used(_: World, __: int) -> None:
    """A new config, before the first `up`."""


def after_up(world: World, variant: int) -> None:
    """A deployment that has served for some time."""
    world.up()
    world.pause(60 * variant)


def slow_host(world: World, variant: int) -> None:
    """Its host needed several times as long for the image."""
    world.trouble("pull_slow", factor=1.5 + variant / 2)
    world.up()
    world.calm("pull_slow")


def slow_model(world: World, variant: int) -> None:
    """Its model was downloaded slowly."""
    world.trouble("machine_env", env={"ERT_SANDBOX_PULL_MBPS": str(6 - variant)})
    world.up()


def late_status(world: World, variant: int) -> None:
    """The provider reports each state late."""
    world.trouble("status_lag", seconds=10 * variant)
    world.up()


def late_list(world: World, variant: int) -> None:
    """The provider listed the machine only some time after the order."""
    world.trouble("list_lag", seconds=10 * variant)
    world.up()
    world.pause(60)


def restarts(world: World, variant: int) -> None:
    """The container was restarted several times, and serves again."""
    world.up()
    for _ in range(variant):
        world.reboot(world.machine)
    world.until(lambda: world.serves(world.machine), 60)


def app_restarts(world: World, variant: int) -> None:
    """The app crashed several times, and Render restarted it."""
    world.up()
    for _ in range(variant):
        world.trouble("crash", "render")
        world.until(lambda: world.health().get("fingerprint"), 60)


def long_report(world: World, variant: int) -> None:
    """Reports are being written, or were."""
    world.up()
    running: list[subprocess.Popen[str]] = [world.start("report", "AAPL") for _ in range(min(variant, 2))]
    world.pause(30 * variant)
    assert running


def report_written(world: World, variant: int) -> None:
    """A user got a report some time ago."""
    world.up()
    world.run("report", "AAPL", code=0)
    world.pause(60 * variant)


def another_owner(world: World, variant: int) -> None:
    """Another project of the same name has machines on the account."""
    world.up()
    for number in range(min(variant, 2)):
        token = str(number + 1) * 32
        env = {"ERT_DEPLOYMENT": "ert-sandbox", "ERT_OWNER": "their-project:", "ERT_TOKEN": token}
        world.rent(f"ert1:ert-sandbox:{token}", env)
        world.pause(6)


def another_job(world: World, variant: int) -> None:
    """The account has machines for something else."""
    world.up()
    for _ in range(min(variant, 3)):
        world.rent("training", {})
        world.pause(6)


def asleep(world: World, variant: int) -> None:
    """It was put to sleep on purpose."""
    world.up()
    world.run("sleep", code=0)
    world.pause(120 * variant)


def woken(world: World, variant: int) -> None:
    """It slept and was woken, several times."""
    world.up()
    for _ in range(1 + variant % 2):
        world.run("sleep", code=0)
        world.run("wake", code=0)


def after_down(world: World, variant: int) -> None:
    """It was taken down."""
    world.up()
    world.run("down", code=0)
    world.pause(60 * variant)


def up_again(world: World, variant: int) -> None:
    """It was taken down and brought up again, or `up` was repeated."""
    world.up()
    if variant % 2:
        world.run("down", code=0)
    world.up()


def key_rotated(world: World, variant: int) -> None:
    """Its key was replaced."""
    world.up()
    for _ in range(1 + variant % 2):
        world.run("key", "rotate", code=0)


def hosts_given_up(world: World, variant: int) -> None:
    """Offers were taken by others while it was renting, before one worked."""
    world.trouble("no_such_ask", count=1 + variant % 3)
    world.up()
    world.pause(600)
    world.up()


def deployed_by_others(world: World, variant: int) -> None:
    """Colleagues pushed new versions of the app."""
    world.up()
    for number in range(1 + variant % 2):
        world.trouble("foreign_deploy", "render", message=f"Add page {number}")
        world.until(lambda: world.deploys()[0]["status"] == "live", 90)


def state_rebuilt(world: World, variant: int) -> None:
    """The state was lost, and the next `up` adopted the machine."""
    world.up()
    for _ in range(1 + variant % 2):
        world.state.unlink()
        world.up()


def booting(world: World, variant: int) -> None:
    """A run is renting or booting at this moment, on a host that takes its time."""
    world.trouble("pull_slow", factor=4 + variant)
    world.start("up")
    world.until(world.machines, 60)


KINDS: tuple[Callable[[World, int], None], ...] = (
    never_used, after_up, slow_host, slow_model, late_status, late_list, restarts, app_restarts, long_report,
    report_written, another_owner, another_job, asleep, woken, after_down, up_again, key_rotated, hosts_given_up,
    deployed_by_others, state_rebuilt,
)  # fmt: skip


def worlds() -> Iterator[Healthy]:
    """Yield the hundred worlds."""
    for act in KINDS:
        for variant in VARIANTS:
            yield Healthy(act.__name__.replace("_", "-"), variant, act, busy=act is long_report)


def busy_worlds() -> Iterator[Healthy]:
    """Yield five more, in which a run is under way: they may be called unfinished, and nothing else."""
    for variant in VARIANTS:
        yield Healthy("booting", variant, booting, busy=True)
