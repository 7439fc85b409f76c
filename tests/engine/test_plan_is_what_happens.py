"""In random worlds that stand still, a run does what its plan said: the same steps, variables and machine."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

from ert_deploy.app.preview import Plan, aimed, preview
from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria, Desired, Guard, Phase, Target
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Rented, Wrote
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.changes.summary import Kind
from ert_deploy.core.planning.forecast.unknown import NEW
from ert_deploy.engine.apply import apply
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.wiring import Session
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED, Process, done, told
from tests.support.fakes.loopback import FakeWorld, offer, world

WORLDS = 200
# The end of a pause is known only once it has begun, and one may turn out not to be needed.
WAITS = (steps.AwaitBoot, steps.AwaitStop, steps.Drain, steps.Settle, steps.AwaitGone)
GOALS = (Phase.RUNNING, Phase.RUNNING, Phase.RUNNING, Phase.ASLEEP, Phase.ABSENT)


def configs(dice: random.Random, services: tuple[str, ...]) -> Desired:
    """Return a config that may differ from that of the run before in what replaces a machine or changes a variable."""
    launch = replace(
        WANTED.launch,
        image=dice.choice(("llm-backend:1", "llm-backend:1", "llm-backend:2")),
        context=dice.choice((16384, 16384, 8192)),
        guard=dice.choice((WANTED.launch.guard, WANTED.launch.guard, Guard(1800, 2700, 43200))),
    )
    targets = tuple(
        Target(name, timeout=dice.choice((180, 180, 240)), previews=dice.random() < 0.2) for name in services
    )
    return replace(WANTED, launch=launch, targets=targets, criteria=Criteria(max_dph=dice.choice((0.4, 0.4, 0.205))))


def history(dice: random.Random) -> tuple[FakeWorld, Desired]:
    """Return a world after up to three commands, some of which were killed, and the config of the next one."""
    services = ("dash", "admin")[: dice.choice((1, 1, 2))]
    made = world("ert", *services)
    made.backend.says_limits = dice.random() < 0.7
    made.gpu.offers = tuple(offer(n) for n in dice.sample(range(1, 13), 6))
    for _ in range(dice.randrange(4)):
        command = Process(made, apply(aimed(configs(dice, services), dice.choice(GOALS)), RunMemory()))
        try:
            if dice.random() < 0.3:
                command.die(dice.randrange(1, 120))
            else:
                command.finish()
        except ErtError:
            pass
        made.clock.sleep(dice.choice((0.0, 60.0, 3600.0)))
        if dice.random() < 0.1:
            made.store.lose()
    made.clock.sleep(600.0)  # a deploy that was under way has ended
    free = made.gpu.search(WANTED.criteria, WANTED.launch)
    made.gpu.offers = free  # the machine that a run gives back is not offered again within it
    return made, aimed(configs(dice, services), dice.choice(GOALS), begin=dice.random() < 0.8)


def plain(step: Step, renamed: dict[InstanceId, InstanceId]) -> tuple[Any, ...]:
    """Return what a step does to what, without its reason and without times, ids as in the plan."""
    known = {f.name: getattr(step, f.name) for f in fields(step)}
    if "instance_id" in known:
        known["instance_id"] = renamed.get(known["instance_id"], known["instance_id"])
    for name in ("reason", "until", "fingerprint", "token", "machine_id", "end"):
        known.pop(name, None)
    return type(step).__name__, *sorted(known.items())


def compared(seed: int) -> tuple[Plan, list[Any], list[Any]]:
    """Return the plan in this world, and the steps that it and then the run have."""
    made, desired = history(random.Random(seed))
    session = Session(on_fakes(made, desired).settings, desired, made.ports)
    plan = preview(session, desired)
    taken, rented, wrote = len(done(made)), len(told(made, Rented)), len(told(made, Wrote))
    try:
        run(apply(desired, RunMemory()), made.ports)
    except ErtError as error:
        if not (any(f.stops for f in plan.findings) or plan.undecided):
            raise AssertionError("it failed, and the plan did not say so") from error
        return plan, [], []
    fresh = told(made, Rented)[rented:]
    assert len(fresh) <= 1
    renamed = {event.instance_id: NEW for event in fresh}
    assert [event.offer.id for event in fresh] == ([plan.offer.offer.id] if plan.offer is not None else [])
    written = {(e.service, n) for e in told(made, Wrote)[wrote:] for n in (*e.written, *e.deleted)}
    assert written == {(v.service, v.name) for v in plan.summary.variables}
    looked = () if fresh else (steps.Rent,)  # a search in which nothing was found
    seen = [plain(s, renamed) for s in done(made)[taken:] if not isinstance(s, (*WAITS, *looked))]
    return plan, once([plain(s, {}) for s in plan.steps if not isinstance(s, WAITS)]), once(seen)


def once(found: list[Any]) -> list[Any]:
    """Return the steps without repetitions: a call without a response is made again."""
    return [s for s, before in zip(found, [None, *found], strict=False) if s != before]


def test_a_run_does_what_its_plan_said() -> None:
    different, kinds = [], set[Kind]()
    for seed in range(WORLDS):
        plan, said, seen = compared(seed)
        kinds |= {one.kind for one in plan.summary.machines}
        if said != seen:
            different.append((seed, said, seen))
    assert not different, different[0]
    assert kinds == set(Kind)
