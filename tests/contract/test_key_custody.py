"""Every custody of keys does the same: what one process gave an app a later one knows, if the state agrees."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.core.model.desired import OwnedNames, Phase, Target
from ert_deploy.core.model.errors import CannotObserve, Transient
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.model.state import Rollout
from ert_deploy.core.planning.app_env import connected
from ert_deploy.ports import BackendProbe, StateStore, WebHost
from tests.support.contract.key_custodies import CUSTODIES, Dying, Killed, Rig, everything
from tests.support.fakes.history import GONE, KILLED, WANTED, Process, down, is_down, is_up, start, up
from tests.support.fakes.rotation import BOTH, one_key, rotating, to_the_end
from tests.support.fakes.sleep import is_asleep

NAMES = OwnedNames()
DASH = "srv-dash"
KEY = "ert-0123456789abcdefghijklmnopqrstuvwxyz"
VALUES = connected(Target("dash"), "https://203.0.113.7:1", Secret(KEY), "pem")


@pytest.fixture(params=CUSTODIES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    return CUSTODIES[request.param](tmp_path)


def give(rig: Rig, values: Mapping[str, Secret], service: str = "dash") -> None:
    """What a run does: write each variable, deploy, record the deploy."""
    found = rig.host.service(service)
    for name, value in values.items():
        rig.host.put_env(found.id, name, value)
    state, mark = rig.world.store.load(), values[NAMES.fingerprint].reveal()
    rig.world.store.save(state.put_rollout(Rollout(found.id, mark, "dep-1", 0.0)))


def seen(rig: Rig, service: str = "dash") -> dict[str, Secret]:
    """The owned variables as a new process sees them."""
    rig.begin()
    found = rig.host.service(service)
    return {name: value for name, value in rig.host.read_env(found.id).items() if name in NAMES.all()}


def test_what_one_process_gave_a_later_one_knows(rig: Rig) -> None:
    give(rig, VALUES)
    assert seen(rig) == VALUES
    other = connected(Target("dash"), "https://203.0.113.7:2", Secret(KEY[::-1]), "pem")
    give(rig, other)
    assert seen(rig) == other


def test_the_process_that_writes_knows_it_at_once(rig: Rig) -> None:
    service = rig.host.service("dash")
    rig.host.put_env(service.id, NAMES.key, Secret(KEY))
    assert rig.host.read_env(service.id)[NAMES.key] == Secret(KEY)
    rig.host.delete_env(service.id, NAMES.key)
    assert NAMES.key not in rig.host.read_env(service.id)


def test_one_service_is_not_another(rig: Rig) -> None:
    give(rig, VALUES)
    assert seen(rig, "admin") == {}
    other = connected(Target("admin"), "https://203.0.113.7:2", Secret(KEY[::-1]), "pem")
    give(rig, other, "admin")
    assert (seen(rig), seen(rig, "admin")) == (VALUES, other)


def test_what_is_deleted_is_kept_nowhere(rig: Rig) -> None:
    give(rig, VALUES)
    rig.begin()
    rig.host.service("dash")
    for name in VALUES:
        rig.host.delete_env(DASH, name)
    assert seen(rig) == {}
    assert dict(rig.custody.kept(DASH)) == {}


def test_variables_of_others_are_neither_kept_nor_touched(rig: Rig) -> None:
    give(rig, VALUES)
    assert set(rig.custody.kept(DASH)) <= set(VALUES)
    assert rig.world.web.services["dash"].neighbours_kept()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_write_that_is_not_confirmed_is_not_believed_later(rig: Rig, when: str) -> None:
    give(rig, VALUES)
    rig.begin()
    rig.host.service("dash")
    rig.world.web.faults.queued["put_env"] = [Transient("no answer", when)]
    with pytest.raises(Transient):
        rig.host.put_env(DASH, NAMES.key, Secret(KEY[::-1]))
    there = rig.world.web.services["dash"].env[NAMES.key]
    found = seen(rig)[NAMES.key]
    assert found == there if not rig.hides else found not in (Secret(KEY), Secret(KEY[::-1]))


def test_what_another_run_has_deployed_since_is_not_taken_for_known(rig: Rig) -> None:
    give(rig, VALUES)
    assert rig.host.read_env(DASH)[NAMES.key] == Secret(KEY)
    state = rig.world.store.load()
    rig.world.store.save(state.put_rollout(Rollout(DASH, "0123456789abcdef", "dep-2", 0.0)))
    assert (rig.host.read_env(DASH)[NAMES.key] == HIDDEN) is rig.hides


def test_a_value_that_is_not_known_is_never_written(rig: Rig) -> None:
    service = rig.host.service("dash")
    rig.host.put_env(service.id, NAMES.key, HIDDEN)
    assert NAMES.key not in rig.world.web.services["dash"].env
    assert dict(rig.custody.kept(DASH)) == {}


def test_a_variable_of_an_earlier_config_takes_nothing_from_the_proof(rig: Rig) -> None:
    rig.host.service("dash")
    rig.host.put_env(DASH, "LLM_URL", Secret("https://203.0.113.7:9"))
    give(rig, VALUES)
    assert seen(rig) == VALUES


def test_no_value_is_shown_where_python_formats_a_custody(rig: Rig) -> None:
    give(rig, VALUES)
    seen(rig)
    assert KEY not in everything(rig.custody) + everything(rig.host)


# Whole runs, each command a process of its own


def test_a_whole_life_with_every_command_a_process_of_its_own(rig: Rig) -> None:
    up(rig.begin(), BOTH)
    is_up(rig.world, BOTH)
    before = rig.world.store.text, len(rig.world.web.faults.calls)
    up(rig.begin(), BOTH)
    assert rig.world.store.text == before[0], "the second `up` has nothing to do"
    assert not {"put_env", "delete_env", "deploy"} & set(rig.world.web.faults.calls[before[1] :])
    done = to_the_end(rotating(rig.begin(), BOTH))
    assert done.before != done.after
    one_key(rig.world, BOTH)
    up(rig.begin(), replace(BOTH, phase=Phase.ASLEEP))
    is_asleep(rig.world)
    up(rig.begin(), replace(BOTH, begin=False))
    is_up(rig.world, BOTH)
    down(rig.begin(), BOTH)
    is_down(rig.world, BOTH)
    assert not any(NAMES.key in rig.custody.kept(service.id) for service in rig.world.web.services.values())
    before = rig.world.store.text, len(rig.world.web.faults.calls)
    down(rig.begin(), BOTH)
    assert not {"put_env", "delete_env", "deploy"} & set(rig.world.web.faults.calls[before[1] :])


MOVES = (StateStore.save, WebHost.put_env, WebHost.delete_env, WebHost.deploy, BackendProbe.set_keys)
STORIES = {"up": (WANTED, ()), "rotate": (WANTED, (WANTED,)), "down": (GONE, (WANTED,))}


def begun(command: str, folder: Path, dying: int | None = None) -> tuple[Rig, Process[Any]]:
    """A run of a command that stands before its first effect; with files, as no engine sees how a keyring differs."""
    rig = CUSTODIES["file"](folder)
    wanted, before = STORIES[command]
    for desired in before:
        up(rig.begin(), desired)
    if dying is not None:
        connect = rig.connect
        rig.connect = lambda: Dying(connect(), dying)
        rig.begin()
        rig.connect = connect
    else:
        rig.begin()
    return rig, rotating(rig.world) if command == "rotate" else start(rig.world, wanted)


def made_good(rig: Rig, command: str) -> None:
    """Run the command again, as a new process, and see that it comes to the same end as ever."""
    if command == "down":
        down(rig.begin())
        is_down(rig.world)
        assert NAMES.key not in rig.custody.kept(DASH)
        return
    up(rig.begin())
    is_up(rig.world)
    key = rig.world.web.services["dash"].env[NAMES.key]
    assert seen(rig)[NAMES.key] == key, "a later process knows the key that the app has"


@pytest.mark.parametrize("command", STORIES)
def test_a_run_that_dies_after_any_effect_is_made_good_by_the_next_one(command: str, tmp_path: Path) -> None:
    for after in itertools.count(1):
        rig, run = begun(command, tmp_path / str(after))
        moves = 0
        while moves < after and run.step():
            moves += run.last in MOVES
        if run.ended:
            assert after > 5
            return
        run.die(run.done)
        made_good(rig, command)


@pytest.mark.parametrize("command", STORIES)
def test_a_run_that_dies_around_any_write_of_the_custody_is_made_good(command: str, tmp_path: Path) -> None:
    for dying in itertools.count():
        rig, run = begun(command, tmp_path / str(dying), dying)
        try:
            while run.step():
                pass
        except Killed:
            KILLED.append(run.effects)
            made_good(rig, command)
        else:
            assert dying > 3
            return


def test_a_custody_that_is_older_than_what_was_deployed_is_not_believed(tmp_path: Path) -> None:
    """Two machines with a custody of their own: the second rotates, the first has the old key."""
    first = CUSTODIES["file"](tmp_path / "one")
    up(first.begin())
    second = Rig(first.world, CUSTODIES["file"](tmp_path / "two").connect, hides=True)
    second.plain = first.plain
    up(second.begin())
    is_up(second.world)
    newer = second.world.web.services["dash"].env[NAMES.key]
    assert seen(second)[NAMES.key] == newer
    assert seen(first)[NAMES.key] != newer, "the first machine does not know it"
    assert Secret(first.custody.kept(DASH)[NAMES.key].reveal()) not in seen(first).values(), "and believes no old one"
    up(first.begin())
    is_up(first.world)


def test_a_lost_custody_costs_another_key_and_nothing_else(tmp_path: Path) -> None:
    rig = CUSTODIES["file"](tmp_path)
    up(rig.begin())
    number, old = rig.world.gpu.only().id, rig.world.web.services["dash"].env[NAMES.key]
    rig.custody.keep(DASH, {})
    up(rig.begin())
    is_up(rig.world)
    assert rig.world.gpu.only().id == number
    assert rig.world.web.services["dash"].env[NAMES.key] != old
    rig.custody.keep(DASH, {})
    down(rig.begin())
    is_down(rig.world)


def test_a_state_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    rig = CUSTODIES["file"](tmp_path)
    give(rig, VALUES)
    rig.begin()
    rig.host.service("dash")
    rig.world.store.faults.queued["load"] = [CannotObserve("the store does not answer")]
    assert rig.host.read_env(DASH)[NAMES.key] != Secret(KEY)
    assert rig.host.read_env(DASH)[NAMES.key] == Secret(KEY)
