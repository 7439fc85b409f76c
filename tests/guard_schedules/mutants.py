"""Mutation test of the guard schedules: `python -m tests.guard_schedules.mutants`.

At least one mutant per guard rule, run until a schedule is violated; a mutant that only one schedule in thousands
detects starts at a seed close to it. `tests.job_schedules` checks that the drain flag is set before the final check,
because it schedules events between the two. Exit code 1 when a mutant survived.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.job_schedules.mutants import Mutant, killed_by
from tests.support.schedules import say

MODULE, MOST = "tests.guard_schedules", 8_000
RARE = {"wait for one rule what was waited for another": 47_900}
_SWITCH, _RULES, _MEMORY, _CARE = "guard/off_switch.py", "guard/rules.py", "guard/memory.py", "guard/engine_care.py"
_VIEW, _METER = "guard/view.py", "guard/allowance.py"
_ALLOWANCE = "base/allowance.py"
_WORD = "guard/last_word.py"
_CLAIM, _CHECK, _MAIN = "base/claim.py", "guard/self_check.py", "guard/__main__.py"

MUTANTS = (
    Mutant(
        "forget the claim when the app crashes", _MEMORY,
        "_first(self.claimed_at, record.claimed_at, now)", "record.claimed_at",
    ),
    Mutant("forget that it was ready", _MEMORY, "_first(self.ready_at, record.ready_at, now)", "record.ready_at"),
    Mutant("forget the last work", _MEMORY, "_newest(self.work_at, record.work_at, now)", "record.work_at"),
    Mutant(
        "an app that comes back begins anew", _MEMORY,
        "known if known is not None or told is None else min(now, told)", "known if told is None else told",
    ),
    Mutant(
        "destroy what may have been claimed", _RULES,
        "view.before is Before.NEVER and", "view.before is not Before.CLAIMED and",
    ),
    Mutant(
        "destroy what may have been claimed unheard", _RULES,
        "Before.NEVER and not view.unheard else", "Before.NEVER else",
    ),
    Mutant(
        "take a disk without a record for a new one", _CLAIM,
        "for name in (CLAIMED, SERVED))", "for name in (CLAIMED,))",
    ),
    Mutant(
        "take an open record for never", _CLAIM,
        "for name in (CLAIMED, SERVED))", "for name in ())",
    ),
    Mutant(
        "destroy without a look at the disk", _SWITCH,
        "within(DISK, self.claim.claimed, None) is not False", "False",
    ),
    Mutant(
        "make the record anew at each boot", _SWITCH,
        "before is Before.CLAIMED or self.claim.prepare()", "self.claim.prepare()",
    ),
    Mutant("never write the claim again", _SWITCH, "self.memory.claim_kept = self.claim.keep()", "pass"),
    Mutant(
        "destroy a claimed machine at its deadline", _RULES,
        "rules.boot_deadline and view.claimed_at is None", "rules.boot_deadline",
    ),
    Mutant(
        "believe an old word", _VIEW,
        "(alive and record is not None and boot_seconds() - record.at > SILENT)", "False",
    ),
    Mutant(
        "a dead app's report holds the machine", _VIEW,
        "record is not None and alive else 0", "record is not None else 0",
    ),
    Mutant("a report that is stuck is work for ever", _VIEW, "STUCK = 300.0", "STUCK = 1e9"),
    Mutant("do not wait for a report", _RULES, "wait=may_be_writing and held < rules.drain_cap", "wait=False"),
    Mutant(
        "wait for a report for ever", _RULES,
        "wait=may_be_writing and held < rules.drain_cap", "wait=may_be_writing",
    ),
    Mutant(
        "count the drain cap over a sleep", _SWITCH,
        "min(now - self.ticked_at, LONGEST_STEP)", "now - self.ticked_at",
    ),
    Mutant(
        "wait for one rule what was waited for another", _SWITCH,
        "{reason: self.held.get(reason, 0.0) for", "{reason: max(self.held.values(), default=0.0) for",
    ),
    Mutant("never lift the drain", _SWITCH, "            self.speak(drain=False)\n", "            pass\n"),
    Mutant("take work again while an order may still come", _SWITCH, "SETTLE = 120.0", "SETTLE = 0.0"),
    Mutant("take accepted for done", _SWITCH, "            return AGAIN\n", "            return 1e9\n"),
    Mutant("give up on a provider that refuses", _SWITCH, "(1.0, 8.0), 60.0", "(1.0, 8.0), 1e9"),
    Mutant(
        "let a broken log end the order", _SWITCH,
        "        except Exception:\n            self.said = ", "        finally:\n            self.said = ",
    ),
    Mutant(
        "idle counts from the claim alone", _RULES,
        "(view.claimed_at, view.ready_at, view.work_at)", "(view.claimed_at, view.ready_at)",
    ),
    Mutant("no lifetime", _RULES, "    if rules.max_lifetime:\n", "    if False:\n"),
    Mutant("no idle stop", _RULES, "    if rules.idle_stop and _idle_applies", "    if False and _idle_applies"),
    Mutant("a boot may last for ever", _RULES, "elif rules.boot_deadline and view.ready_at is None", "elif False"),
    Mutant("an unclaimed machine runs on", _RULES, "rules.boot_deadline and view.claimed_at is None", "False"),
    Mutant(
        "a refused report is work", "base/activity.py", "self._set(in_flight=self.record.in_flight + 1)\n",
        "self._set(in_flight=self.record.in_flight + 1, work_at=boot_seconds())\n",
    ),
    Mutant("no switch without a thread", _MAIN, "            self.switch.step()\n", "            pass\n"),
    Mutant(
        "count a restart and make none", _MAIN, "            self.nursery.kill(self.engine)\n", "            pass\n",
    ),
    Mutant(
        "tell nobody of a restart", _MAIN,
        "            self.switch.speak(engine_restarts", "            dict(engine_restarts",
    ),
    Mutant("never restart the engine", _CARE, "not self.hang or word.owes is None", "True or word.owes is None"),
    Mutant("kill an engine that writes", _CARE, "max(word.owes, began, self.restarted_at or 0.0)", "began"),
    Mutant("take a sleep for a hang", _CARE, "LONGEST_STEP = 10.0", "LONGEST_STEP = 1e9"),
    Mutant("never call the engine sick", _CARE, "return self.vain > 1 or undead", "return undead"),
    Mutant("call it sick for ever", _CARE, "            self.vain = 0\n", "            pass\n"),
    Mutant("believe the first refusal", _CHECK, "REFUSALS, SILENCES = 2, 3", "REFUSALS, SILENCES = 1, 3"),
    Mutant(
        "read the own instance once", _CHECK,
        "EVERY, SOONER, AT_ONCE = 600.0, 60.0", "EVERY, SOONER, AT_ONCE = 1e9, 1e9",
    ),
    Mutant("no budget", _RULES, "if (allowance := view.allowance) is not None:", "if (allowance := None) is not None:"),
    Mutant("a report may use up more than the budget", _RULES, "allowance is not None and allowance.over", "False"),
    Mutant("begin the budget at each boot", _METER, "found.grant, found.used + self.used", "found.grant, self.used"),
    Mutant("record the use after it", _METER, "AHEAD, UNRECORDED = 60.0, 60.0", "AHEAD, UNRECORDED = -120.0, 1e9"),
    Mutant("never write the use again", _MAIN, "self.switch.keep_records)", "self.switch.keep_claim)"),
    Mutant(
        "stop a machine long before its budget", _METER,
        "RESERVE, LARGEST_RESERVE, DRAIN = 600.0, 0.25, 0.1", "RESERVE, LARGEST_RESERVE, DRAIN = 600.0, 0.6, 0.1",
    ),
    Mutant("destroy at the end of any budget", _RULES, "DueRule(rules.at_budget,", "DueRule(Action.DESTROY,"),
    Mutant("wait long for an app", _WORD, "MOST, LEAST = 3.0, 0.5", "MOST, LEAST = 90.0, 0.5"),
    Mutant("a last message before each order", _WORD, "if self.said or record is None", "if record is None"),
    Mutant("a lost record is a new budget", _ALLOWANCE, "if (self.disk / SERVED).exists() else", "if False else"),
)  # fmt: skip


def fate_of(mutant: Mutant, most: int = MOST) -> str:
    """Return the violation that detected the mutant, or an empty string."""
    return killed_by(mutant, most=most, first=RARE.get(mutant.name, 0), module=MODULE)


def main() -> int:
    """Run every mutant and print its result."""
    fates = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for mutant, fate in zip(MUTANTS, pool.map(fate_of, MUTANTS), strict=True):
            fates.append(fate)
            say(f"{'killed  ' if fate else 'SURVIVED'}  {mutant.name}: {fate[:110]}\n")
    say(f"{sum(map(bool, fates))} of {len(MUTANTS)} killed within {MOST} schedules each\n")
    return not all(fates)


if __name__ == "__main__":
    sys.exit(main())
