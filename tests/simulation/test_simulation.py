"""Short simulator tests: fixed and random runs, every history with one fault, stored failures, and mutants.

`make simulate` runs a million of them; ERT_SIM_SEED and ERT_SIM_SEEDS set the first `seed` and the number of runs here.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.app.waking.look import Reached, reached_by
from ert_deploy.core.model import keys
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.unpublished import start as unpublished
from ert_deploy.engine import start_stop
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Effect, Effects, Method
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import BackendProbe, GpuHost, WebHost
from tests.simulation import agents, following, histories, history, mutants, search
from tests.simulation.faults import FAMILIES, FOR_GOOD, Faults
from tests.simulation.history import play, play_agents, replay, run
from tests.simulation.interpreter import carry_out
from tests.simulation.mutations import Mutant
from tests.simulation.search import SEEDS
from tests.simulation.stories import SLEEP, Story, story
from tests.simulation.web import NAMES
from tests.simulation.world import Actor, Violation

ROOT = Path(__file__).resolve().parents[2]
FIXED = 4000
RACES = 200
WITH_AGENTS = 100
SEVERAL = 30
FRESH = int(os.environ.get("ERT_SIM_SEEDS", "500"))
FIRST_FRESH = int(os.environ.get("ERT_SIM_SEED", "1000000000"))
KILLED_SOON = (
    "record after create, no intent", "forget before destroy", "drop the settle wait",
    "drop the old key before the apps are moved over",
)  # fmt: skip


def _none(tally: search.Tally) -> None:
    assert tally.broken == []


def test_no_gpu_is_lost_in_any_of_the_fixed_histories_which_are_as_recorded_and_meet_every_kind_of_fault() -> None:
    """After an intended change of behaviour run `make histories RECORD=--record`."""
    tally, known = search.Tally(), histories.recorded()
    played = {first: histories.digest(first, tally) for first in range(0, FIXED, search.CHUNK)}
    _none(tally)
    assert [name for name in FAMILIES if not tally.faults[name]] == []
    assert played.items() <= known.items()


def test_no_gpu_is_lost_in_fresh_histories() -> None:
    _none(search.seeds(FIRST_FRESH, FIRST_FRESH + FRESH))


def test_no_gpu_is_lost_while_machines_race() -> None:
    tally = search.seeds(FIRST_FRESH, FIRST_FRESH + RACES, kind="raced")
    _none(tally)
    assert tally.schedules == RACES


def test_no_gpu_is_lost_with_agents_beside_the_operators() -> None:
    tally = search.seeds(FIRST_FRESH, FIRST_FRESH + WITH_AGENTS, kind="agents")
    _none(tally)
    assert tally.schedules == WITH_AGENTS


def _foreign_token(patched: pytest.MonkeyPatch) -> None:
    """Have agents tell the token of the first machine ever after."""
    seen: list[str] = []

    def told(*args: Any) -> Reached | None:
        found = reached_by(*args)
        if found is None or found.token is None:
            return found
        seen.append(found.token)
        return replace(found, token=seen[0])

    patched.setattr(following, "reached_by", told)


def _one_key(patched: pytest.MonkeyPatch) -> None:
    """Have every machine rented with one key."""
    patched.setattr(keys, "machine_key", partial(_key_of_all, keys.machine_key))


def _key_of_all(real: Callable[..., Secret], secret: Secret, _token: str, generation: int) -> Secret:
    return real(secret, "ab" * 16, generation)


def _writes_anyway(patched: pytest.MonkeyPatch) -> None:
    """Have agents without a key of the web host write variables."""
    patched.setattr(agents, "apply", lambda desired, memory: apply(replace(desired, publishes=True), memory))


def _gives_up_all(patched: pytest.MonkeyPatch) -> None:
    """Have agents without a key of the web host give up what apps may know, too."""
    patched.setattr(unpublished, "unknown_to_apps", lambda candidate: True)


@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        (_foreign_token, "is sent the key of instance"),
        (_one_key, "a key that is not derived from its token"),
        (_writes_anyway, "a run without the web host changes an app"),
        (_gives_up_all, "is given up without the web host"),
    ],
)
def test_it_is_noticed_where_a_derived_key_or_its_agent_does_too_much(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], noticed: str
) -> None:
    broken(monkeypatch)
    found = next(text for text in (play_agents(seed).violation for seed in range(200)) if text)
    assert noticed in found


@pytest.mark.parametrize("seed", ["700000001356", "700000007176"])
def test_it_is_noticed_where_an_agent_keeps_what_boots_too_slowly_beside_another(
    monkeypatch: pytest.MonkeyPatch, seed: str
) -> None:
    monkeypatch.setattr(unpublished, "unknown_to_apps", lambda candidate: False)
    tale, plan = search.revive(json.loads((SEEDS / f"{seed}.json").read_text()))
    assert "instance 503 boots" in replay(tale, plan.items()).violation


def test_no_gpu_is_lost_by_up_to_five_replicas_and_none_is_one_too_many() -> None:
    tally = search.seeds(FIRST_FRESH, FIRST_FRESH + SEVERAL, kind="replicas")
    _none(tally)
    assert tally.schedules == SEVERAL
    assert max(tally.most_paid) > 2


def test_it_is_noticed_where_replicas_are_stopped_and_nobody_asked_for_their_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start_stop, "_busy", _not_asked)
    (broken,) = search.seeds(2, 3, kind="replicas").broken
    assert "nobody asked for its reports" in broken["violation"]


@pytest.mark.parametrize(
    ("first", "second", "noticed"), [(False, False, False), (False, True, False), (True, False, True)]
)
def test_it_is_noticed_where_reports_are_cut_off_with_a_key_that_was_read(
    first: bool, second: bool, noticed: bool
) -> None:
    """`first`, `second`: whether the app's variables have the key before and after they are read."""
    made = run(Story((), last="up"), Faults()).world
    assert made is not None
    (machine,), (service,) = made.paid.values(), made.services.values()
    key, made.acting, made.lasting = service.env[NAMES.key], Actor(SLEEP), set()
    shown = machine.show(made.now)
    assert shown.address is not None

    def have(there: bool) -> None:
        service.env = {name: value for name, value in service.env.items() if name != NAMES.key}
        service.env |= {NAMES.key: key} if there else {}

    def send(method: Method, *args: Any) -> None:
        carry_out(made, Effect(method, args, {}))

    send(GpuHost.list_instances)
    send(BackendProbe.probe, shown.address, machine.mark, machine.boot_secret, "")
    have(first)
    send(WebHost.read_env, service.id)
    have(second)
    if noticed:
        with pytest.raises(Violation, match="nobody asked for its reports"):
            send(GpuHost.stop, machine.id)
    else:
        send(GpuHost.stop, machine.id)
        assert machine.halted


def _not_asked(number: InstanceId, run: Run) -> Effects[bool]:
    yield from ()
    return False


@pytest.mark.parametrize(("name", "shares"), [("fleet", 192), ("rolling", 192), ("lowered", 16)])
def test_no_gpu_of_three_replicas_is_lost_in_a_share_of_all_single_faults(name: str, shares: int) -> None:
    tally = search.exhaustive(1, search.Tally(), search.FLEET_TALES[name], share=(FIRST_FRESH % shares, shares))
    _none(tally)
    assert tally.schedules > 2


@pytest.mark.parametrize(("tale", "least"), tuple(zip(search.TALES.values(), (400, 150, 150, 50, 50), strict=True)))
def test_no_gpu_is_lost_whatever_single_fault_strikes_and_whenever(tale: Story, least: int) -> None:
    tally = search.exhaustive(1, search.Tally(), tale)
    _none(tally)
    assert tally.schedules > least


@pytest.mark.parametrize("tale", search.RENAMED_TALES.values(), ids=search.RENAMED_TALES)
def test_no_gpu_is_lost_or_rented_twice_if_only_the_owner_in_the_config_changes(tale: Story) -> None:
    tally = search.exhaustive(1, search.Tally(), tale)
    _none(tally)
    assert tally.schedules > 40


def test_what_fails_for_good_is_tried_alone_and_with_kills_only() -> None:
    world = replay(search.SLEEPING, {}.items(), watch=True).world
    assert world is not None
    ones = [next(iter(plan.items())) for plan in search.children({}, world)]
    forever = next(one for one in ones if one[1][0] == FOR_GOOD)
    beside = [name for plan in search.children(dict([forever]), world) for name, _ in list(plan.values())[1:]]
    assert set(beside) == {"kill-before", "kill-after"}
    timeout = next(one for one in ones if one[1][0] == "timeout")
    after_it = [name for plan in search.children(dict([timeout]), world) for name, _ in plan.values()]
    assert FOR_GOOD not in after_it
    assert len(set(after_it)) > 5


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.json")), ids=lambda p: p.stem)
def test_what_was_found_once_stays_fixed(path: Path) -> None:
    tale, plan = search.revive(json.loads(path.read_text()))
    assert replay(tale, plan.items()).violation == ""


def test_a_replayed_plan_of_faults_is_the_same_history() -> None:
    for seed in range(60):
        drawn = play(seed, trace=True)
        again = run(story(random.Random(seed)), Faults(plan=drawn.plan.items()), trace=True)
        assert drawn.world is not None
        assert again.world is not None
        assert drawn.world.trace == again.world.trace, f"seed {seed}"


def digest() -> str:
    """Return a hash of the traces of 60 runs."""
    traces = [play(seed, trace=True).world for seed in range(60)]
    return hashlib.sha256(repr([w.trace for w in traces if w is not None]).encode()).hexdigest()


def test_a_seed_is_the_same_history_in_every_process() -> None:
    code = "import tests.simulation.test_simulation as t; print(t.digest())"
    seen = {digest()}
    for seed in ("0", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
        seen.add(done.stdout.decode().strip())
    assert len(seen) == 1


def test_a_history_does_not_depend_on_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tale = Story(("wake",), "down", begins="serving", hedged=True)
    for raced in (False, True):
        alone, after = dict[Any, Any](), dict[Any, Any]()
        monkeypatch.setattr(history, "_BEGUN", alone)
        first = run(replace(tale, raced=raced), Faults(), trace=True).world
        monkeypatch.setattr(history, "_BEGUN", after)
        run(replace(tale, raced=not raced), Faults())
        run(replace(tale, raced=raced, hedged=False, skews=(3600.0,)), Faults())
        second = run(replace(tale, raced=raced), Faults(), trace=True).world
        assert first is not None
        assert second is not None
        assert first.trace == second.trace


@pytest.mark.parametrize("name", KILLED_SOON)
def test_a_broken_product_is_caught_within_few_histories(name: str) -> None:
    mutant = next(m for m in mutants.ALL if m.name == name)
    assert mutants.hunt(mutant, most=5000).by


@pytest.mark.parametrize("name", sorted(search.NARROW_TALES))
def test_no_gpu_is_lost_in_what_is_played_for_a_mutant_alone(name: str) -> None:
    (mutant,) = (m for m in mutants.ALL if m.tale == name)
    tale, kinds = search.NARROW_TALES[name], frozenset(mutant.kinds)
    tally = search.Tally()
    for part in range(4):  # a rare kind of fault is in one of the shares
        if {*tally.faults} != kinds:
            tally = search.exhaustive(1, tally, tale, share=(part, 4), kinds=kinds)
    _none(tally)
    assert {*tally.faults} == kinds


def test_a_mutant_that_names_a_test_is_detected_by_it_alone() -> None:
    mutant = next(m for m in mutants.ALL if m.name == "load before list")
    assert mutants.hunt(mutant).by == mutant.test


@pytest.mark.parametrize("mutant", mutants.ALL, ids=lambda m: m.name)
def test_a_mutant_still_has_its_place_in_the_code(mutant: Mutant, tmp_path: Path) -> None:
    mutants.mutate(mutant, tmp_path)
