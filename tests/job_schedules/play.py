"""Runs one seeded schedule and collects its violations.

Checked in each: every report ends exactly once for its client, with its own text or with a reason that was drawn; no
process writes one id twice; no machine is stopped during a report before the drain cap; and without requests the
machine stops itself within a minute of its idle time, which also shows that no report stays counted as in flight.
"""

from __future__ import annotations

import asyncio
import gc
import random
import re
from dataclasses import replace

from ert_backend.base import clock
from tests.job_schedules.schedule import World
from tests.job_schedules.virtual import VirtualLoop
from tests.support.schedules import Played

# Accepted reasons for a report without a text. A client's deadline is not one: faults end long before it, so a client
# that reaches it was left waiting.
EXPLICIT = re.compile(r"the model stopped|the backend lost the report repeatedly")
HOUR = 3600.0


def play(seed: int) -> Played:
    """Run one schedule, deterministic for its seed.

    Schedules are isolated: each has its own loop, the retry jitter is seeded, and the garbage collector is disabled,
    because it would end abandoned tasks at a time that does not depend on the seed.
    """
    before, collecting = random.getstate(), gc.isenabled()
    random.seed(seed)
    gc.disable()
    loop = VirtualLoop()
    clock.drive(loop.time)
    try:
        world = loop.run_until_complete(_made(seed, loop))
        _through(world)
        played = world.played
        # Effects of closing the loop on the remaining tasks are not part of the result.
        return replace(played, broken=[*played.broken], history=[*played.history])
    finally:
        loop.end()
        clock.drive(None)
        random.setstate(before)
        if collecting:
            gc.enable()


async def _made(seed: int, loop: VirtualLoop) -> World:
    return World(seed, loop)


def _through(world: World) -> None:
    try:
        _ask(world)
        _quieten(world)
        _judge(world)
    except Exception as error:
        world.played.broken.append(f"{type(error).__name__}: {error}")


def _ask(world: World) -> None:
    """Run every client to its end: the dashboard, the others, and late ones, which may arrive during the wait."""
    loop = world.loop
    tasks = [loop.create_task(work) for work in (world.operate(), world.trouble(), world.others())]
    loop.run_until_complete(asyncio.sleep(world.random.uniform(0, 100)))
    world.dashboard.ask()
    loop.run_until_complete(asyncio.wait(tasks[1:], timeout=2 * HOUR))
    loop.run_until_complete(asyncio.sleep(world.mood.idle + 30.0))
    until = loop.time() + 2 * HOUR
    while (late := [task for task in world.late if not task.done()]) and loop.time() < until:
        loop.run_until_complete(asyncio.wait(late, timeout=until - loop.time()))
    world.quiet = True
    for task in [*tasks[1:], *world.late]:
        if not task.done():
            world.played.broken.append("somebody still waits after two hours")
        elif (error := task.exception()) is not None:
            raise error


def _quieten(world: World) -> None:
    """Check that the remaining machine stops itself when there are no more requests."""
    mood, machine = world.mood, world.published.machine
    if not machine.up:
        return
    app = machine.serving
    if app is not None and app.ledger.record.in_flight != app.unfinished():
        counted = app.ledger.record.in_flight
        world.played.broken.append(f"{counted} reports are counted as in flight, and there are {app.unfinished()}")
    # A minute after the rule, plus half a minute for loading a model.
    until = world.loop.time() + max(mood.idle, mood.deadline) + 60.0 + 30.0
    while machine.up and world.loop.time() < until:
        world.loop.run_until_complete(asyncio.sleep(5.0))
    if machine.up:
        world.played.broken.append("nobody asks any more, and it did not stop itself")


def _judge(world: World) -> None:
    played = world.played
    for report_id, ending in world.endings.items():
        if ending.count != 1:
            played.broken.append(f"{report_id} ended {ending.count} times")
        elif ending.result is not None:
            played.counts["written"] += 1
            if ending.result["sections"] != {"risk_analysis": "AAPL"}:
                played.broken.append(f"{report_id} got another report's text")
        else:
            played.counts[f"failed: {ending.why[:40]}"] += 1
            if not EXPLICIT.search(ending.why):
                played.broken.append(f"{report_id} was lost: {ending.why}")
