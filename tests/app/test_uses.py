"""Uses of a machine over restarts of the agent: what is kept, how often it is written, and early starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.early import UNDER_WAY
from ert_deploy.app.tending.guard import Tending
from ert_deploy.app.tending.uses import Uses
from ert_deploy.core.idle.guard import NEWS, Choice
from ert_deploy.core.idle.kept import OPEN, UNUSED, USED, Early
from ert_deploy.core.idle.learned import Gap
from ert_deploy.core.model.log.happened import Happened
from tests.app.test_tending import TENDED, chosen, limits, looked
from tests.support.agent.usual import BUDGET, DUE, HOUR, TODAY, learning, stop
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.sleep import awake

FILE = Path(".ert") / "ert.json.uses"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def early_starts(made: FakeWorld, budget: float = BUDGET) -> Deployment:
    """A deployment that learns, with requests at 15:00 of each working day of the last week."""
    return learning(on_fakes(made, TENDED), budget)


def at_rest(deployment: Deployment, made: FakeWorld, clock: float) -> tuple[Tending, Callable[[], float]]:
    """Its guard has stopped the machine, and it is that time of the day; return a new agent's tending, and its look."""
    stop(made, TODAY + clock)
    tending = Tending(deployment)
    return tending, lambda: tending.rest(looked(deployment)[0].resting)


def test_what_was_learned_is_not_lost_with_the_agent() -> None:
    made = awake()
    deployment = chosen(made, 0.01, Choice.LEARNED)
    guard, session = looked(deployment)[0].guard, looked(deployment)[1]
    assert guard is not None
    tending = Tending(deployment)
    even = tending.limit(guard)
    for number in range(60):
        tending.tend(replace(guard, at=guard.at + number * 3600.0, idle=0.0), session)
    later = replace(guard, at=guard.at + 60 * 3600.0, idle=0.0)
    assert tending.limit(later) < even
    after = Tending(deployment)
    after.tend(later, session)
    assert after.limit(later) == tending.limit(later)


def seen(deployment: Deployment, *looks: tuple[float, float], least: float = 300.0) -> Uses:
    kept = Uses(deployment)
    for at, idle in looks:
        kept.see(at, idle, least, ())
    return kept


def test_a_look_alone_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, written = chosen(awake(), 0.05, Choice.LEARNED), list[str]()
    replaced = Path.replace

    def noting(old: Path, new: Path) -> Path:
        written.append(str(new))
        return replaced(old, new)

    monkeypatch.setattr(Path, "replace", noting)
    kept = seen(deployment, *((1e6 + look * 30.0, look * 30.0) for look in range(100)))
    assert written == []
    kept.see(1e6 + 3600, 10.0, 300.0, ())
    kept.see(1e6 + 3600 + 200, 10.0, 300.0, ())
    assert written == [str(FILE)], "a short idle time and a request in the same quarter of an hour are not kept"
    assert (kept.kept.gaps, kept.kept.wanted) == ((Gap(1e6, 3590.0),), (1e6 + 3590,))
    assert Uses(deployment).kept.gaps == ()


def test_idle_times_are_read_from_looks_and_across_a_sleep() -> None:
    deployment = chosen(awake(), 0.05, Choice.LEARNED)
    looks = ((1000.0, 10.0), (1030.0, 40.0), (1060.0, 0.0), (2060.0, 1000.0), (9060.0, 5.0), (9060.0, 5.0))
    kept = seen(deployment, *looks, least=0.0)
    assert [(gap.began, gap.length) for gap in kept.kept.gaps] == [(990.0, 70.0), (1060.0, 7995.0)]
    jitter = seen(deployment, *((1e6 + at * 30.0, at * 30.0 - at * NEWS / 20) for at in range(10)), least=0.0)
    assert len(jitter.kept.gaps) == 2


def test_without_a_store_it_goes_on_with_what_it_sees(tmp_path: Path) -> None:
    deployment = chosen(awake(), 0.05, Choice.LEARNED)
    (tmp_path / ".ert").write_text("a file")
    kept = seen(deployment, (1000.0, 0.0), (9000.0, 0.0))
    assert kept.kept.gaps == (Gap(1000.0, 8000.0),)
    assert "cannot be used" in kept.trouble
    assert not kept.begin(Early(1e6, 1e6 + 600, 1800.0, 0.1), budget=1.0)
    (tmp_path / ".ert").unlink()
    kept.see(20_000.0, 0.0, 300.0, ())
    assert kept.trouble == ""


def test_it_starts_before_the_hour_of_the_first_request_and_waits_for_it() -> None:
    made = awake()
    deployment = early_starts(made)
    tending, rest = at_rest(deployment, made, 14 * HOUR)
    assert 45 * 60 < rest() < HOUR
    assert tending.begin(looked(deployment)[0].resting) == "", "it is not due"
    made.clock.time = TODAY + DUE
    assert rest() <= 0
    assert "requests are usual from" in tending.begin(looked(deployment)[0].resting)
    made.gpu.only().halted = False
    made.clock.time = TODAY + 15 * HOUR
    guard, session = looked(deployment)[0].guard, looked(deployment)[1]
    assert guard is not None
    tending.tend(replace(guard, idle=300.0), session)
    assert limits(made)[0] == 1200, "it waits as long as the guard may"
    kept = Uses(deployment)
    kept.read()
    assert [one.end for one in kept.kept.early] == [OPEN]
    tending.tend(replace(guard, at=guard.at + 300, idle=0.0), session)
    kept = Uses(deployment)
    kept.read()
    assert [(one.end, one.cost) for one in kept.kept.early] == [(USED, 0.0)]
    assert round(guard.at + 300) in kept.kept.wanted


@pytest.mark.parametrize("budget", [0.0, 0.75])
def test_it_starts_nothing_that_could_exceed_the_budget(budget: float) -> None:
    made = awake()
    tending, rest = at_rest(early_starts(made, budget), made, 14 * HOUR)
    assert rest() == float("inf")
    made.clock.time = TODAY + DUE
    assert tending.begin(None) == ""


def test_two_agents_begin_one_start() -> None:
    made = awake()
    deployment = early_starts(made)
    first, rest = at_rest(deployment, made, 14 * HOUR)
    second, other = at_rest(deployment, made, 14 * HOUR)
    rest(), other()
    made.clock.time = TODAY + DUE
    assert rest() <= 0
    assert other() <= 0
    look = looked(deployment)[0].resting
    assert [bool(one.begin(look)) for one in (first, second)] == [True, False]


def killed_before_it_starts(made: FakeWorld) -> None:
    """Nothing happened."""


def killed_after_it_started(made: FakeWorld) -> None:
    """The machine ran unused, and its guard stopped it."""
    event = Happened(made.clock.time + 5, "started", made.gpu.only().id)
    state = made.store.load()
    made.store.save(replace(state, history=(*state.history, event)))


def killed_after_it_rented_another(made: FakeWorld) -> None:
    """The GPU was taken, and another machine ran unused."""
    killed_after_it_started(made)
    event = Happened(made.clock.time + 9, "rented", made.gpu.only().id)
    state = made.store.load()
    made.store.save(replace(state, history=(*state.history, event)))


CASES = [
    (killed_before_it_starts, [], 0.0),
    (killed_after_it_started, [UNUSED], 0.0),
    (killed_after_it_rented_another, [UNUSED], 17.8 * 0.02),
]


@pytest.mark.parametrize(("how", "ends", "traffic"), CASES)
def test_an_agent_that_is_killed_at_an_early_start(
    how: Callable[[FakeWorld], None], ends: list[str], traffic: float
) -> None:
    """Its $ stay set aside until another agent knows more, so that the day's budget holds."""
    made = awake()
    deployment = early_starts(made)
    tending, rest = at_rest(deployment, made, 14 * HOUR)
    rest()
    made.clock.time = TODAY + DUE
    rest()
    assert tending.begin(looked(deployment)[0].resting)
    how(made)
    after, rest = at_rest(deployment, made, 14.985 * HOUR)
    assert rest() == float("inf"), "one is under way"
    made.clock.time = TODAY + DUE + UNDER_WAY + 60
    wait = rest()
    kept = Uses(deployment)
    kept.read()
    assert [one.end for one in kept.kept.early] == ends
    assert kept.kept.spent(made.clock.time) <= BUDGET
    if ends:
        assert traffic < kept.kept.spent(made.clock.time) < traffic + 0.1, "what it cost, not what was set aside"
        assert wait == float("inf"), "what is left does not pay for the longest"
    assert after.begin(None) == ""


def test_what_a_person_put_to_sleep_is_not_started() -> None:
    made = awake()
    deployment = early_starts(made)
    _, rest = at_rest(deployment, made, 14 * HOUR)
    made.gpu.log = "guard: off-switch active"
    assert rest() == float("inf")
    assert FILE.exists()
