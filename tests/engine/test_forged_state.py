"""Forged state: it must not cause the deletion of a backend in use, nor a success message for a failed command.

Excluded are states that are identical to a user's own decision: a tombstone with the correct token, an ignored
instance, and an adopted owner. `docs/state.md` describes the possible damage; a state key prevents such writes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Drawn
from hypothesis import strategies as st

from ert_deploy.adapters.state import document
from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.plain.state import contradictions, from_json, to_json
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import Denied, InstanceRecord, Intent, Rollout, State, Tombstone
from ert_deploy.core.planning.app_env import connected
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine import reap as reaping
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.documents import DocumentStore
from tests.support.fakes.history import GONE, WANTED, Process, up
from tests.support.fakes.loopback import FakeWorld, certificate, world
from tests.support.ids import nth

ASLEEP, AWAKE = replace(WANTED, phase=Phase.ASLEEP), replace(WANTED, begin=False)
NEIGHBOUR = 901
THEIRS = "ab" * 16
WRONG = "0" * 32
LONGEST = 4 * 3600.0  # maximum total wait of a command in seconds
# Failures are reported without shrinking, which would take minutes for a run that does not terminate.
QUICK = settings(
    max_examples=25, deadline=None, phases=[Drawn.explicit, Drawn.generate], suppress_health_check=list(HealthCheck)
)


def serving() -> FakeWorld:
    """Return an environment where instance 500 serves the app, next to an unrelated instance."""
    made = world()
    made.gpu.foreign = [
        Instance(
            nth(NEIGHBOUR), Mark("other", THEIRS), "other", born=Mark("other", THEIRS), owner="them", label_token=THEIRS
        )
    ]
    up(made)
    made.clock.go_on(1000)
    return made


HONEST = serving().store.state
(SERVES,) = HONEST.records
SERVICE = HONEST.rollouts[0].service_id

TOKENS = st.sampled_from([SERVES.token, THEIRS, WRONG, "", "f" * 32])
STRANGE_TOKENS = st.sampled_from([THEIRS, WRONG, "", "f" * 32])
IDS = st.sampled_from([SERVES.id, NEIGHBOUR, 777, 0, 2**63 - 1])
MACHINES = st.sampled_from([SERVES.machine_id, 1002, 0])
TIMES = st.sampled_from([0.0, 1.0, 2.0, 999_999.0, 1_000_500.0, 1_001_200.0, 2e9, 1e18, 1.7e308, -5.0, -1e9])
PEMS = st.sampled_from([SERVES.certificate, "", certificate("somebody"), "nonsense"])
HASHES = st.lists(st.sampled_from(["a" * 64, "b" * 64]), max_size=2, unique=True).map(tuple)
RECORDS = st.builds(
    InstanceRecord, TOKENS, IDS, MACHINES, TIMES, PEMS, st.booleans(), TIMES, TIMES, HASHES, HASHES,
)  # fmt: skip
STATES = st.builds(
    State,
    deployment=st.just("ert"),
    generation=st.sampled_from([0, 1, 6, 2**40]),
    intents=st.lists(st.builds(Intent, STRANGE_TOKENS, TIMES, st.just(7), MACHINES, st.booleans()), max_size=2).map(
        tuple
    ),
    records=st.lists(st.one_of(st.just(SERVES), RECORDS), max_size=3).map(tuple),
    tombstones=st.lists(st.builds(Tombstone, STRANGE_TOKENS, IDS, TIMES, st.just("forged")), max_size=2).map(tuple),
    denied=st.lists(st.builds(Denied, st.integers(1001, 1012), TIMES.map(abs), st.just("no")), max_size=12).map(tuple),
    rollouts=st.lists(
        st.one_of(
            st.just(HONEST.rollouts[0]),
            st.builds(Rollout, st.just(SERVICE), st.sampled_from(["", "f" * 16]), st.just("dep-1"), TIMES, TIMES),
        ),
        max_size=1,
    ).map(tuple),
    account=st.sampled_from([HONEST.account, HONEST.account, "", "13"]),
    claims=st.builds(
        Claims,
        st.sampled_from([(), HONEST.claims.owners, ("somebody-else",)]),
        st.sampled_from([(), HONEST.claims.services, ("0" * 12,)]),
        st.sampled_from([(), (SERVES.id,), (NEIGHBOUR,), (SERVES.id, NEIGHBOUR)]),
        st.sampled_from([(), (777,)]),
    ),
    begun=TIMES,
).filter(lambda state: not any(contradictions(state)))


def finished(made: FakeWorld, effects: Any) -> Any:
    """Return the result of a run, or its error."""
    run = Process(made, effects)
    try:
        return run.finish()
    except ErtError as error:
        return error


def applied(desired: Desired) -> Callable[[FakeWorld], tuple[int, Situation | None]]:
    """Return a function that runs `desired` and returns the exit code of the CLI and the final situation."""

    def command(made: FakeWorld) -> tuple[int, Situation | None]:
        end = finished(made, apply(desired, RunMemory()))
        if isinstance(end, ErtError):
            return end.exit_code, None
        assert isinstance(end, Result)
        left = end.left is not None or end.abandoned or end.unknown_for or end.situation.undecided
        return (5 if left else 0), end.situation

    return command


def status(made: FakeWorld) -> tuple[int, Situation | None]:
    seen = finished(made, observe(WANTED, RunMemory()))
    if isinstance(seen, ErtError):
        return seen.exit_code, None
    return (5 if seen.undecided else 0), seen


def reap(made: FakeWorld) -> tuple[int, Situation | None]:
    found = finished(made, reaping.find(WANTED))
    if isinstance(found, ErtError):
        return found.exit_code, None
    if found.strays:
        gone = finished(made, reaping.reap(found.strays, 10.0))
        if isinstance(gone, ErtError):
            return gone.exit_code, None
    return (5 if found.serving or found.undecided else 0), None


COMMANDS: dict[str, Callable[[FakeWorld], tuple[int, Situation | None]]] = {
    "up": applied(WANTED),
    "wake": applied(AWAKE),
    "sleep": applied(ASLEEP),
    "down": applied(GONE),
    "down --now": applied(replace(GONE, apps_first=False)),
    "status": status,
    "reap": reap,
}


def play(name: str, raw: bytes | None) -> int:
    """Run one command with `raw` as its state, check the result and return the exit code."""
    made = serving()
    made.ports = replace(made.ports, store=DocumentStore("ert", raw))
    slept = made.clock.slept
    code, seen = COMMANDS[name](made)
    assert made.clock.slept - slept < LONGEST, "it waits for ever"
    assert not made.gpu.harmed, "it destroys what is somebody else's"
    served = made.gpu.instances[SERVES.id]
    if not name.startswith("down"):
        assert served.destroyed is None or app_runs_with_what_is_paid(made), "it destroys what serves"
        assert name not in ("status", "reap") or served.destroyed is None
    if code == 0:
        claims_hold(name, made, seen)
    return code


def app_runs_with_what_is_paid(made: FakeWorld) -> bool:
    names, running = WANTED.targets[0].names, made.web.services["dash"].running
    at = {f"https://203.0.113.7:{made.gpu.instances[i].port}" for i in made.gpu.running()}
    return names.url in running and running[names.url].reveal() in at


def claims_hold(name: str, made: FakeWorld, seen: Situation | None) -> None:
    """Check the output of the command line with exit code 0."""
    if name.startswith("down"):
        assert made.gpu.paid() == ()
        assert made.gpu.late == []
    elif name == "sleep":
        assert made.gpu.running() == ()
        assert len(made.gpu.paid()) <= 1
    elif name in ("up", "wake"):
        (number,) = made.gpu.running()
        assert app_runs_with_what_is_paid(made)
        backend, target = made.gpu.instances[number], WANTED.targets[0]
        held = made.web.services["dash"].env
        key, pem = held[target.names.key], certificate(backend.order.mark.token)
        assert key.sha256() in backend.keys
        wanted = connected(target, f"https://203.0.113.7:{backend.port}", key, pem)
        assert made.web.shown("dash", target) == wanted[target.names.fingerprint].reveal()
    elif name == "status":
        assert seen is not None
        assert SERVES.id in {i.id for i in seen.ours}, "it says that nothing is running"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_honest_state_serves_every_command(name: str) -> None:
    assert play(name, document.encode(HONEST)) == 0


@pytest.mark.parametrize("name", COMMANDS)
@QUICK
@given(state=STATES)
def test_a_whole_state_with_anything_in_it(name: str, state: State) -> None:
    play(name, document.encode(state))


# A damaged document

JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 7, 2**63, 10**400, 0.5, -1.0, 1e18, 1e308, float("nan"), float("inf"), "", "x",
        "\ud800", [], [None], [[]], {}, {"at": 1.0}, ["at"], SERVES.token, SERVES.id, HONEST.claims.owners[0],
    ]
)  # fmt: skip
FULL = replace(
    HONEST,
    intents=(Intent("f" * 32, 1_000_900.0, "7", "1005"),),
    tombstones=(Tombstone(WRONG, nth(777), 1_000_900.0, "old"),),
    denied=(Denied("1006", 1_009_000.0, "slow"),),
    claims=replace(HONEST.claims, adopted=(nth(777),), ignored=(nth(778),)),
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in nested data."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


PLAIN = json.loads(json.dumps(to_json(FULL)))
PLACES = places(PLAIN)[1:]


def damaged(place: tuple[Any, ...], junk: Any, how: str) -> bytes:
    """Replace, remove or duplicate one value of the document and update the checksum."""
    body = json.loads(json.dumps(PLAIN))
    parent = body
    for key in place[:-1]:
        parent = parent[key]
    if how == "remove":
        del parent[place[-1]]
    elif how == "double" and isinstance(parent, list):
        parent.append(parent[place[-1]])
    else:
        parent[place[-1]] = junk
    whole = {"format": document.FORMAT, "version": 4, "sha256": document.digest(body), "state": body}
    return json.dumps(whole).encode()


def a_decision(body: bytes) -> bool:
    """Whether the state contains the request of a user to destroy the instance, or to ignore it."""
    try:
        state = from_json(json.loads(body)["state"])
    except (ValueError, TypeError):
        return False
    marked = any(t.id == SERVES.id and t.token == SERVES.token for t in state.tombstones)
    return marked or SERVES.id in state.claims.ignored


@pytest.mark.parametrize("name", COMMANDS)
@QUICK
@given(
    place=st.sampled_from(PLACES), junk=JUNK, how=st.sampled_from(["replace", "replace", "replace", "remove", "double"])
)
def test_a_document_with_anything_in_one_place(name: str, place: tuple[Any, ...], junk: Any, how: str) -> None:
    raw = damaged(place, junk, how)
    if not a_decision(raw):
        play(name, raw)


@pytest.mark.parametrize("name", COMMANDS)
@QUICK
@given(seed=st.integers(0, 2**32))
def test_a_document_with_anything_in_its_bytes(name: str, seed: int) -> None:
    chance, raw = random.Random(seed), bytearray(document.encode(FULL))
    for _ in range(chance.randint(1, 3)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    play(name, bytes(raw[: chance.choice([len(raw), chance.randrange(len(raw))])]))


# Examples


def forged(**changes: Any) -> bytes:
    return document.encode(replace(HONEST, **changes))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("adopted", [(), (SERVES.id,)])
def test_a_tombstone_counts_with_the_token_of_the_environment_only(name: str, adopted: tuple[InstanceId, ...]) -> None:
    tombstone = Tombstone(WRONG, SERVES.id, 1_000_500.0, "forged")
    raw = forged(records=(), tombstones=(tombstone,), claims=replace(HONEST.claims, adopted=adopted))
    assert play(name, raw) == 5, "a person is asked"


@pytest.mark.parametrize(
    "forgery",
    [
        {"intents": (Intent(THEIRS, 1.0, "7", "1001"),)},
        {"records": (SERVES, InstanceRecord(THEIRS, nth(NEIGHBOUR), "1002", 1.0))},
        {"tombstones": (Tombstone(THEIRS, nth(NEIGHBOUR), 1.0, "forged"),)},
        {
            "tombstones": (Tombstone(THEIRS, nth(NEIGHBOUR), 1.0, ""),),
            "claims": replace(HONEST.claims, adopted=(nth(NEIGHBOUR),)),
        },
        {
            "tombstones": (Tombstone(WRONG, nth(NEIGHBOUR), 1.0, ""),),
            "claims": replace(HONEST.claims, adopted=(nth(NEIGHBOUR),)),
        },
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_token_makes_an_instance_ours_that_names_another_deployment(name: str, forgery: dict[str, Any]) -> None:
    play(name, forged(**forgery))


@pytest.mark.parametrize("at", [1e12, 1e18, 1.7e308])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_time_to_come_is_waited_for_no_longer_than_any_other(name: str, at: float) -> None:
    raw = forged(
        intents=(Intent(WRONG, at, "7", "1002"),),
        records=(replace(SERVES, at=at, woken=at, stranded=0.0),),
        rollouts=(replace(HONEST.rollouts[0], at=at, proven=at),),
        begun=at,
    )
    assert play(name, raw) == 0


def test_a_time_of_nothing_is_none_that_is_waited_for_without_an_end() -> None:
    raw = forged(records=(replace(SERVES, at=0.0, woken=1.0, stranded=2.0),))
    assert play("sleep", raw) == 0


def test_a_machine_is_not_denied_for_ever() -> None:
    made = serving()
    denied = tuple(Denied(str(machine), 1e18, "forged") for machine in range(1001, 1013))
    made.ports = replace(made.ports, store=DocumentStore("ert", forged(denied=denied, records=())))
    made.gpu.only().destroyed = made.clock.real()
    code, _ = COMMANDS["up"](made)
    assert code == 0
    assert app_runs_with_what_is_paid(made)


def test_a_start_that_was_given_up_costs_no_disk_of_what_serves() -> None:
    made = serving()
    made.ports = replace(made.ports, store=DocumentStore("ert", forged(records=(replace(SERVES, stranded=2.0),))))
    code, _ = COMMANDS["sleep"](made)
    assert (code, made.gpu.running(), made.gpu.paid()) == (0, (), (SERVES.id,))
