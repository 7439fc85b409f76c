"""Search for failures on all CPUs: random runs over a range of `seed`, or every history up to a number of faults.

A failed history is minimized (faults are removed one by one while it still fails) and stored under `seeds/`.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ert_deploy.ports import GpuHost, StateStore
from tests.simulation.faults import FOR_GOOD, KINDS, Plan
from tests.simulation.history import play, play_agents, play_race, play_replicas, replay
from tests.simulation.stories import Outcome, Story, agents_of, race_of, replicas_of, story
from tests.simulation.world import World

SEEDS = Path(__file__).parent / "seeds"
CHUNK = 500
MOST_REPORTED = 20
SIGN_OF_LIFE = 60.0  # progress interval in seconds
# One value for each class of fault is enough for an exhaustive search; the others only have different delays.
STRENGTHS = {
    "late": 100.0,
    "taken-late": 100.0,
    "slow": 20.0,
    "hidden": 55.0,
    "hidden-by-id": 55.0,
    "lingers": 55.0,
    "unlisted": 55.0,
    "queued": 900.0,
    "acts late": 100.0,
    "jump": 3600.0,
    "nap": 4000.0,  # longer than a boot or a deploy may take
    "ghost": 1e9,
    "crawls": 3000.0,
}
SHORT = frozenset({
    "timeout", "timeout-after", "refused-after", "save-before", "save-after", "own-conflict", "late", "taken-late",
    "duplicate", "hidden-by-id", "lingers", "unlisted", "rejected", "unknown-after", "empty", "fails", "superseded",
    "silent", "acts late", "jump", "nap", "ghost", "crawls", FOR_GOOD,
    "kill-before", "kill-after", "exit", "taken", "queued", "stuck", "moves", "refused",
})  # fmt: skip
PARTS = 64  # parts of the search for one `Story` and number of faults
WIDEST = 2  # faults, of every type, at every call
# With more faults, only the calls that affect costs and state.
MONEY = (
    GpuHost.list_instances, GpuHost.get_instance, GpuHost.create, GpuHost.destroy, GpuHost.start, GpuHost.stop,
    StateStore.load, StateStore.save,
)  # fmt: skip
MONEY_KINDS = frozenset({
    "timeout", "timeout-after", "save-before", "save-after", "own-conflict", "late", "duplicate", "kill-before",
    "kill-after",
})  # fmt: skip
CLASSIC = Story(("up", "up", "down"), last="down", rest=300.0)
SLEEPING = Story(("sleep", "wake"), last="sleep", rest=300.0, begins="serving")
ROTATING = Story(("rotate", "up"), last="rotate", rest=300.0, begins="serving")
HURRIED = Story(("wake",), last="sleep", begins="asleep")
FORGOTTEN = Story(("wake", "lose the state"), last="sleep", rest=300.0, begins="asleep")
TALES = {
    "classic": CLASSIC, "sleeping": SLEEPING, "rotating": ROTATING, "hurried": HURRIED, "forgotten": FORGOTTEN,
}  # fmt: skip
# `owner` in the config changes after a machine was rented.
RENAMED_TALES = {
    "serving": Story(("up, another owner",), last="up", rest=300.0, begins="serving"),
    "asleep": Story(("sleep, another owner",), last="up, another owner", begins="asleep"),
    "leaving": Story(("up",), last="down now, another owner", rest=300.0),
}
EXTREMES = {"late": 150.0, "slow": 55.0}  # as late as a provider and a store may be, where few kinds are enumerated
# Enumerated with the kinds of faults that are named only: with all of them it would take days.
DIVIDED = Story(
    ("up, changed config", "up, changed config"), last="up", rest=300.0, begins="serving", services=("dash", "admin")
)
CONTENDED = Story(("two ups at once",), last="down", rest=300.0)
NARROW_TALES = {"divided": DIVIDED, "contended": CONTENDED}
# Three replicas; enumerated with one fault, by a make target of their own.
FLEET_TALES = {
    "fleet": Story(("up",), last="down", rest=300.0, replicas=(3,)),
    "rolling": Story(("up, changed config",), last="up", rest=300.0, begins="serving", replicas=(3,)),
    "lowered": Story(("up", "up"), last="sleep", rest=300.0, begins="serving", replicas=(3, 2)),
}


@dataclass
class Tally:
    """Result of a number of runs."""

    schedules: int = 0
    effects: int = 0
    kills: int = 0
    excused: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    most_paid: Counter[int] = field(default_factory=Counter)
    beyond: Counter[int] = field(default_factory=Counter)
    broken: list[dict[str, Any]] = field(default_factory=list)
    drawn: bool = False

    def add(self, outcome: Outcome) -> None:
        """Add the result of one history."""
        self.schedules += 1
        self.effects += outcome.effects
        self.kills += outcome.kills
        self.excused += outcome.excused
        for name, _ in outcome.plan.values():
            self.faults[name] += 1
        assert outcome.world is not None
        (self.beyond if outcome.world.beyond else self.most_paid)[outcome.most_paid] += 1

    def merge(self, other: Tally) -> None:
        """Add the totals of another worker."""
        for name in ("schedules", "effects", "kills", "excused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.faults.update(other.faults)
        self.most_paid.update(other.most_paid)
        self.beyond.update(other.beyond)
        self.broken += other.broken

    def table(self, seconds: float, cores: int) -> str:
        """Format the result as a table."""
        rate = f"{seconds / max(1, self.schedules) * 1000 * cores:.2f} ms per schedule and core"
        rows = [
            ("schedules", f"{self.schedules:,}"), ("effects", f"{self.effects:,}"),
            ("faults", f"{sum(self.faults.values()):,}"), ("kills", f"{self.kills:,}"),
            ("violations", f"{len(self.broken):,}"),
            ("paid at once", _counts(self.most_paid)),
            ("  beyond", f"{_counts(self.beyond)} (creates that land after the settle time, or after a no)"),
            ("second tries", f"{self.excused:,} (a person has to decide, and does)"),
            ("seconds", f"{seconds:.1f} on {cores} cores, {rate}"),
            ("95 % bound", self._bound()),
            *((f"  {name}", f"{count:,}") for name, count in sorted(self.faults.items())),
        ]  # fmt: skip
        return "\n".join(f"{name:<18}{value}" for name, value in rows)

    def _bound(self) -> str:
        """Return the 95 % bound by the rule of three; it applies to random runs only, not to an enumeration."""
        return f"{3 / self.schedules:.1e} per schedule of this mix" if self.drawn and not self.broken else "-"


def _counts(counted: Counter[int]) -> str:
    return ", ".join(f"{number}: {count:,}" for number, count in sorted(counted.items())) or "-"


def shrink(tale: Story, plan: Plan) -> tuple[Plan, str]:
    """Return a minimal plan that still fails, and the failure: each remaining fault is required."""
    kept, why = dict(plan), replay(tale, plan.items()).violation
    smaller = True
    while smaller and why:
        smaller = False
        for number in sorted(kept):
            rest = {n: fault for n, fault in kept.items() if n != number}
            now = replay(tale, rest.items()).violation
            if now:
                kept, why, smaller = rest, now, True
    return kept, why


def finding(seed: int | None, tale: Story, outcome: Outcome) -> dict[str, Any]:
    """Return a minimized failed history as JSON-serializable data for a replay."""
    plan, why = shrink(tale, outcome.plan)
    faults = sorted((number, name, strength) for number, (name, strength) in (plan if why else outcome.plan).items())
    return {"seed": seed, "violation": why or outcome.violation, "story": asdict(tale), "faults": faults}


def revive(found: dict[str, Any]) -> tuple[Story, Plan]:
    """Parse the commands and faults of a stored failure."""
    tale: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in found["story"].items()}
    tale.setdefault("slow", tale.get("hedged", False))  # of failures stored when one meant the other
    return Story(**tale), {number: (name, strength) for number, name, strength in found["faults"]}


def _of(seed: int) -> Story:
    return story(random.Random(seed))


# By name: how a seed is played, and its story.
PLAYS = {
    "": (play, _of),
    "raced": (play_race, race_of),
    "agents": (play_agents, agents_of),
    "replicas": (play_replicas, replicas_of),
}


def seeds(first: int, last: int, *, stop: bool = False, kind: str = "") -> Tally:
    """Run every `seed` from `first` to `last` (exclusive); `stop` after the first failure. `kind` is one of PLAYS."""
    played, told = PLAYS[kind]
    tally = Tally()
    gc.disable()  # every history creates reference cycles; they are collected between runs, not during them
    for seed in range(first, last):
        outcome = played(seed)
        tally.add(outcome)
        if outcome.violation:
            tally.broken.append(finding(seed, told(seed), outcome))
            if stop:
                break
        if seed % CHUNK == 0:
            gc.collect()
    gc.enable()
    return tally


def _range(bounds: tuple[int, int], *, kind: str = "") -> Tally:
    return seeds(*bounds, kind=kind)


def _settle_in() -> None:
    """Initialize a worker: exclude the modules from garbage collection, where they would dominate the time."""
    gc.collect()
    gc.freeze()


def _heard(tallies: Iterable[Tally], of: int, whole: Tally, *, keep: bool, begin: int = 0) -> Iterator[Tally]:
    """Yield the tallies; print the progress every minute and each failure immediately (and store it if `keep`).

    `begin`: number of shares completed in an earlier run.
    """
    said = time.monotonic()
    for number, tally in enumerate(tallies, begin):
        if time.monotonic() - said >= SIGN_OF_LIFE:
            said = time.monotonic()
            say(f"{number} of {of} shares: {whole.schedules:,} histories, {len(whole.broken):,} violations")
        for found in tally.broken[: max(0, MOST_REPORTED - len(whole.broken))]:
            _tell(found, keep=keep)
        yield tally


def _tell(found: dict[str, Any], *, keep: bool) -> None:
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    found["commit"] = git.stdout.strip()
    say(json.dumps(found))
    if keep:
        name = found["seed"] if found["seed"] is not None else "-".join(str(fault[0]) for fault in found["faults"])
        (SEEDS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def across(first: int, count: int, cores: int, *, stop: bool = False, kind: str = "") -> Tally:
    """Run `count` values of `seed` in a process pool; `stop` after the first chunk with a failure."""
    whole = Tally(drawn=True)
    step = min(CHUNK, 100) if stop else CHUNK
    chunks = [(a, min(a + step, first + count)) for a in range(first, first + count, step)]
    with multiprocessing.get_context("fork").Pool(cores, _settle_in) as pool:
        for tally in _heard(pool.imap(partial(_range, kind=kind), chunks), len(chunks), whole, keep=not stop):
            whole.merge(tally)
            if stop and whole.broken:
                pool.terminate()
                break
    return whole


def exhaustive(
    faults: int,
    tally: Tally,
    tale: Story = CLASSIC,
    share: tuple[int, int] = (0, 1),
    kinds: frozenset[str] = frozenset(),
) -> Tally:
    """Run every history of `tale` with up to `faults` faults. `share` (index, count) partitions the first fault.

    `kinds` are the only types of faults, if there are any, and only at calls that affect costs and state.
    """
    narrow = faults > WIDEST
    pending: list[Plan] = [{}]
    while pending:
        plan = pending.pop()
        outcome = replay(tale, plan.items(), watch=len(plan) < faults)
        if plan or share[0] == 0:
            tally.add(outcome)
        if tally.schedules % CHUNK == 0:
            gc.collect()
        if outcome.violation:
            tally.broken.append(finding(None, tale, outcome))
        if len(plan) < faults:
            assert outcome.world is not None
            pending += list(children(plan, outcome.world, narrow, share, kinds))
    return tally


def children(
    plan: Plan,
    world: World,
    narrow: bool = False,
    share: tuple[int, int] = (0, 1),
    kinds: frozenset[str] = frozenset(),
) -> Iterator[Plan]:
    """Yield the plan with one more fault at each later call before the final checks."""
    last, played = max(plan, default=world.begun), kinds or (MONEY_KINDS if narrow else SHORT)
    few, strengths = narrow or bool(kinds), STRENGTHS | EXTREMES if kinds else STRENGTHS
    for number, call in enumerate((world.seen or [])[: world.calmed], 1):
        if number <= last or (not plan and number % share[1] != share[0]) or (few and call not in MONEY):
            continue
        for name in dict.fromkeys(KINDS[call]):
            if name in played and _together(name, plan):
                yield {**plan, number: (name, strengths.get(name, 0.0))}


def _together(name: str, plan: Plan) -> bool:
    """Whether the faults are combined in one history: a permanent fault is combined with SIGKILL only."""
    names = [name, *(other for other, _ in plan.values())]
    names.sort(key=FOR_GOOD.__ne__)
    return names[0] != FOR_GOOD or set(names[1:]) <= {"kill-before", "kill-after"}


def _share(task: tuple[Story, int, frozenset[str], int, int]) -> Tally:
    return exhaustive(task[1], Tally(), task[0], task[3:], task[2])


def exhaustive_across(
    faults: int,
    cores: int,
    tales: Iterable[str] = tuple(TALES),
    *,
    kinds: Iterable[str] = (),
    stop: bool = False,
    begin: int = 0,
) -> Tally:
    """Run every history in a process pool: all with up to two faults; with more, only calls in `MONEY`.

    `stop` after the first share with a failure. `begin`: number of shares to omit because an earlier run completed
    them; the full search takes hours.
    """
    whole = Tally()
    depths = [faults] if faults <= WIDEST else [WIDEST, faults]
    with multiprocessing.get_context("fork").Pool(cores, _settle_in) as pool:
        known, only = TALES | NARROW_TALES | FLEET_TALES, frozenset(kinds)
        tasks = [(known[tale], depth, only, part, PARTS) for depth in depths for tale in tales for part in range(PARTS)]
        shares = pool.imap(_share, tasks[begin:])
        for tally in _heard(shares, len(tasks), whole, keep=not stop, begin=begin):
            whole.merge(tally)
            if stop and whole.broken:
                pool.terminate()
                break
    return whole


def report(tally: Tally, seconds: float, cores: int) -> int:
    """Print the table and return the exit code. Failures are already stored."""
    say(tally.table(seconds, cores))
    return 1 if tally.broken else 0


def say(text: str) -> None:
    """Write text to stdout and flush."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def cores() -> int:
    """Return the size of the process pool."""
    return int(os.environ.get("ERT_SIM_CORES", "0")) or os.cpu_count() or 1


def timed(what: Any, *arguments: Any, **named: Any) -> tuple[Any, float]:
    """Return the result of a call and its duration in seconds."""
    begun = time.perf_counter()
    return what(*arguments, **named), time.perf_counter() - begun
