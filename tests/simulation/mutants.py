"""Mutation tests of the simulator: change one line of the code under test and check that the change is detected.

Each mutant is one exact replacement in a temporary copy of the code, which is simulated until a history fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.search import say

ROOT = Path(__file__).resolve().parents[2]
MOST = 100_000


@dataclass(frozen=True)
class Mutant:
    """One mutation: in `file`, replace `old` (which must occur exactly once) with `new`; `also` is a second one.

    `also` disables another check that would hide the mutation. With a `tale`, every history of that sequence
    with up to two faults is run, because a failure that needs two of them is unlikely otherwise.
    """

    name: str
    file: str
    old: str
    new: str
    also: tuple[str, str, str] | None = None
    tale: str = ""


@dataclass(frozen=True)
class Fate:
    """Result for a mutant: the run that detected it (empty: none did), the number of runs, and the reason."""

    mutant: Mutant
    by: str
    schedules: str
    why: str


_KEYS, _KEYRING = "engine/keys.py", "core/planning/key_acceptance.py"
_RENT, _RETIRE, _OBSERVE = "engine/rent.py", "engine/retire.py", "engine/observe.py"
_POWER, _SLEEP, _REAP = "engine/start_stop.py", "core/planning/sleep.py", "engine/reap.py"
_OWNERSHIP = "core/planning/marks.py"
_RECORDS = "core/planning/records.py"
_PLAN, _PUBLISH, _CANDIDATES = "core/planning/plan.py", "engine/publish.py", "core/planning/candidates.py"
_ROLLOUT, _SITUATION = "core/planning/rollout.py", "core/planning/situation.py"
MUTANTS = (
    Mutant("drop the settle wait", "core/model/desired.py", "settle: float = 240.0", "settle: float = 0.0"),
    Mutant("settle after 60 s", "core/model/desired.py", "settle: float = 240.0", "settle: float = 60.0"),
    Mutant(
        "a machine that does not stop when idle", "core/model/desired.py",
        "str(self.launch.guard.idle_stop)", '"0"',
        ("ports.py", "        refuse_unarmed(self.launch.guard, self.env)\n", "        pass\n"),
    ),
    Mutant(
        "a machine that nobody claims lives for ever", "core/model/desired.py",
        "str(self.launch.guard.boot_deadline)", '"0"',
        ("ports.py", "        refuse_unarmed(self.launch.guard, self.env)\n", "        pass\n"),
    ),
    Mutant(
        "a machine without a last day", "core/model/desired.py",
        "str(self.launch.guard.max_lifetime)", '"0"',
        ("ports.py", "        refuse_unarmed(self.launch.guard, self.env)\n", "        pass\n"),
    ),
    Mutant(
        "any account will do", "core/planning/accounts.py",
        "    if not state.account or (begins and state.empty()):\n", "    if True:\n",
    ),
    Mutant(
        "an app that was rolled back is up", _ROLLOUT, "return proven and publication.live_fingerprint is None",
        "return False",
    ),
    Mutant(
        "forget a start that may still come", _POWER,
        "if record.woken and not start_may_come(record, run.situation):", "if record.woken:",
        tale="hurried",
    ),
    Mutant(
        "take what is stopped, and not in the state, for never started", "core/planning/adoption.py",
        "woken = LONG_AGO if instance.halted else 0.0", "woken = 0.0", tale="forgotten",
    ),
    Mutant(
        "ask for it however long ago it was written down", _OBSERVE,
        "if late > desired.timings.call_within:", "if late < 0:",
    ),
    Mutant(
        "take a failed listing for an empty one", _OBSERVE,
        "    instances = yield from ask(GpuHost.list_instances)\n",
        "    try:\n        instances = yield from ask(GpuHost.list_instances)\n"
        "    except CannotObserve:\n        instances = ()\n",
        also=(_RETIRE, "    return NOT_FOUND if found is None else _shown(found)", "    return NOT_FOUND"),
    ),
    Mutant("rent at the price of the search", _RENT, "quoted = yield from requote(ranked, run)", "quoted = ranked"),
    Mutant(
        "record after create, no intent", _RENT,
        "yield from ask(StateStore.save, known.intend(intent))", "known",
    ),
    Mutant(
        "forget before destroy", "engine/apply.py",
        "    steps.Retire: retire,\n",
        "    steps.Retire: lambda step, run: ask(StateStore.save, run.observed.state.drop_record(step.instance_id)),\n",
    ),
    Mutant(
        "retry a create", _RENT,
        "        instance_id = yield from ask(GpuHost.create, order)\n",
        "        try:\n            instance_id = yield from ask(GpuHost.create, order)\n"
        "        except OutcomeUnknown:\n            instance_id = yield from ask(GpuHost.create, order)\n",
    ),
    Mutant(
        "a hedge on the same host", "engine/market/racing.py",
        "return offer.host_id not in hosts and offer.ip not in ips", "return True",
    ),
    Mutant(
        "a hedge that nobody asked for", _PLAN,
        "if desired.launch.hedge < PAIR or current.published or", "if current.published or",
    ),
    Mutant(
        "keep the loser of a hedge", _CANDIDATES,
        "current is None or current.published or not _boots(now, current):", "current is None:",
    ),
    Mutant("ignore the slots", _RENT, "run.situation.slots_taken >= run.desired.slots", "False"),
    Mutant(
        "count only what is listed as slots", _SITUATION,
        "return len(self.ours) + len(unknown)", "return len(self.ours)",
    ),
    Mutant(
        "destroy what has one mark only", _OWNERSHIP,
        "            return Undecided(instance, _ENVIRONMENT_ONLY)",
        "            return self._with(instance, born.token)",
    ),
    Mutant(
        "destroy what has lost its environment", _OWNERSHIP,
        "return Undecided(instance, _STATE, hidden=instance.born is None)", "return self._with(instance, token)",
    ),
    Mutant(
        "destroy every deployment's", _OWNERSHIP,
        "if instance.mark is not None and instance.mark.deployment == self.deployment:",
        "if instance.mark is not None:",
        also=(_OWNERSHIP, "        if relation is Relation.OTHER:\n            return relation\n", ""),
    ),
    Mutant(
        "destroy every owner's", _OWNERSHIP,
        "        relation = self._relation(instance)\n", "        relation = Relation.SAME\n",
    ),
    Mutant(
        "rent while something may be ours", "engine/decide.py",
        "blocking = tuple((u.instance.id, u.why) for u in situation.undecided if u.blocks or any_doubt)",
        "blocking = ()",
    ),
    Mutant(
        "do not wait on the way down", _PLAN,
        "    yield from unsettled(situation)\n    if situation.desired.apps_first:",
        "    if situation.desired.apps_first:",
    ),
    Mutant(
        "claim at once where there was no state", _RECORDS, "    left = unknown_for(situation)\n",
        "    left = 0\n",
    ),
    Mutant(
        "tell the age of an intent by one's own clock", "core/model/moment.py",
        "return -self.wall if self.provider is None else self.provider", "return self.wall",
        also=(_OBSERVE, "provider_now=moment.provider", "provider_now=moment.wall"),
    ),
    Mutant(
        "act by the clock on the wall alone", "core/model/moment.py",
        "return max(self.wall - earlier.wall, self.steady - earlier.steady)", "return self.wall - earlier.wall",
    ),
    Mutant(
        "go down only with a store", "engine/apply.py", "    if desired.phase is not Phase.ABSENT:\n",
        "    if True:\n",
    ),
    Mutant(
        "ask for ever for what is refused for good", _POWER, "MAX_REFUSALS = 3", "MAX_REFUSALS = 10**9",
        also=(_POWER, "    if tries >= MAX_STOPS:", "    if tries >= 10**9:"),
    ),
    Mutant("wait for ever for what does not go", _RETIRE, "    if left <= 0:\n", "    if False:\n"),
    Mutant(
        "a newborn that is not seen is forgotten", _RETIRE,
        "observed.age(record.token, record.at, MARGIN) < settle", "False",
    ),
    Mutant(
        "take a create without an answer for a failed one", _RENT,
        "    except OutcomeUnknown as error:\n        run.memory.rentals += 1\n",
        "    except OutcomeUnknown as error:\n        run.memory.rentals += 1\n"
        "        yield from ask(StateStore.save, written.drop_intent(token))\n",
    ),
    Mutant(
        "never retire what is surplus", _PLAN,
        "    yield from _surplus(situation.desired, others, now.current is not None)\n", "",
    ),
    Mutant(
        "believe a fingerprint while a deploy is under way", _PUBLISH,
        "    if newest is not None and newest.kind is DeployKind.IN_FLIGHT:\n        now =",
        "    if newest is None and desired is None:\n        now =",
    ),
    Mutant(
        "write an intent over what somebody else wrote", _RENT,
        "    written = yield from ask(StateStore.save, known.intend(intent))\n",
        "    newest = yield from ask(StateStore.load)\n"
        "    known = state.replace(known, generation=newest.generation)\n"
        "    written = yield from ask(StateStore.save, known.intend(intent))\n",
    ),
    Mutant(
        "start without writing it down", _POWER,
        "    written = yield from ask(StateStore.save, run.observed.state.put_record(woken))\n",
        "    written = run.observed.state\n",
    ),
    Mutant(
        "leave a queued start alone", _SLEEP, "elif record is not None and record.woken:", "elif False:",
        tale="sleeping",
    ),
    Mutant(
        "start again what was refused", _POWER,
        "    yield from ask(StateStore.save, state.put_record(replace(record, stranded=now.stamp())))\n", "",
    ),
    Mutant(
        "reap without a tombstone", _REAP, "    state = yield from _mark_for_deletion(left, state)\n", "",
    ),
    Mutant(
        "drop the old key before the apps are moved over", _PLAN,
        "            yield from _serve(situation, current)\n",
        "            yield from _old_keys(situation, current)\n"
        "            yield from _serve(situation, current)\n",
        also=(
            _PLAN, '        yield steps.Drain(current.instance.id, until, "requests with another key may finish")\n',
            "        pass\n",
        ),
    ),
    Mutant(
        "drop the old key while requests with it may be under way", _PLAN,
        '        yield steps.Drain(current.instance.id, until, "requests with another key may finish")\n',
        "        pass\n",
    ),
    Mutant(
        "move the apps over before the backend has taken the key", _KEYS,
        "claimed = replace(record, keys=takes(instance, record), asked=hashes)",
        "claimed = replace(record, keys=hashes, asked=hashes)",
    ),
    Mutant(
        "set keys without writing it down", _KEYS,
        "        written = yield from ask(StateStore.save, run.observed.state.put_record(claimed))\n",
        "        written = run.observed.state\n",
    ),
    Mutant(
        "leave the old key in force", _KEYRING,
        "return bool(record.asked) or any(digest != key.sha256() for digest in record.keys)", "return False",
    ),
    Mutant(
        "give up what serves for its price", _CANDIDATES,
        "if desired.phase is Phase.RUNNING and over_cap(desired, candidate.instance) and not candidate.published:",
        "if over_cap(desired, candidate.instance):",
    ),
    Mutant(
        "rent on a machine that has an instance of ours", _SITUATION,
        "return self.observed.state.machines() | {i.machine_id for i in self.ours}",
        "return frozenset()",
    ),
    Mutant(
        "take a boot that failed for asleep", "core/planning/health.py",
        "return (never_ran and wrong) if record.woken == LONG_AGO else (never_ran or wrong)", "return False",
    ),
    Mutant(
        "rent on with an image that no host can pull", "engine/boot_failures.py",
        "    for end, machines in memory.ends.items():", "    for end, machines in ():",
    ),
    Mutant(
        "rank bids by the least one", "core/model/desired.py", "return offer.dph_total + max(0.0, over)",
        "return offer.dph_total",
    ),
    Mutant(
        "rent beyond the budget", "engine/budget.py", "    if run.desired.max_cost is None:", "    if True:",
    ),
    Mutant(
        "go back to the key before", "core/planning/current_key.py",
        "for digest in reversed(takes(instance, observed.state.record(instance.id))):",
        "for digest in takes(instance, observed.state.record(instance.id)):",
    ),
)  # fmt: skip
ALL = MUTANTS


def mutate(mutant: Mutant, into: Path) -> None:
    """Copy the code under test and the simulator, and apply the mutation. Raises ValueError if it does not match."""
    ignore = shutil.ignore_patterns("__pycache__", "seeds")
    for part in ("ert_deploy/core", "ert_deploy/engine", "tests/simulation"):
        shutil.copytree(ROOT / part, into / part, ignore=ignore)
    vast = tuple(f"providers/vast/{name}.py" for name in ("__init__", "messages", "power"))
    (into / "ert_deploy/providers/vast").mkdir(parents=True)
    for name in ("__init__.py", "ports.py", "store_ports.py", "providers/__init__.py", *vast):
        shutil.copy(ROOT / "ert_deploy" / name, into / "ert_deploy" / name)
    for file, old, new in ((mutant.file, mutant.old, mutant.new), *((mutant.also,) if mutant.also else ())):
        path = into / "ert_deploy" / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: its text is {text.count(old)} times in {file}")
        path.write_text(text.replace(old, new))


def hunt(mutant: Mutant, first: int = 0, most: int = MOST) -> Fate:
    """Run a mutant on one CPU until a history fails, or up to `most` runs. Raises RuntimeError if it does not run."""
    with tempfile.TemporaryDirectory() as folder:
        mutate(mutant, Path(folder))
        which = ["--faults", "2", "--tale", mutant.tale] if mutant.tale else ["--first", str(first), "-n", str(most)]
        command = [sys.executable, "-m", "tests.simulation", *which, "--stop"]
        environment = {**os.environ, "PYTHONPATH": folder, "ERT_SIM_CORES": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    played = re.search(r"^schedules +([\d,]+)", done.stdout, re.MULTILINE)
    if played is None:
        raise RuntimeError(f"{mutant.name}: it could not be simulated: {done.stderr[-2000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not found:
        return Fate(mutant, "", played[1], "")
    faults = ", ".join(f"{name} at {number}" for number, name, _ in found[0]["faults"])
    by = f"seed {found[0]['seed']}" if found[0]["seed"] is not None else faults
    return Fate(mutant, by, played[1], found[0]["violation"])


def main() -> int:
    """Run all mutants in parallel. Return 1 if one is undetected, else 0."""
    with ThreadPoolExecutor(int(os.environ.get("ERT_SIM_CORES", "0")) or os.cpu_count() or 1) as pool:
        survived = 0
        for fate in pool.map(hunt, ALL):
            survived += not fate.by
            end = f"killed by {fate.by}: {fate.why[:70]}" if fate.by else "SURVIVED"
            say(f"{fate.mutant.name:<50}{fate.schedules:>8}  {end}")
    say(f"{len(ALL) - survived} of {len(ALL)} killed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
