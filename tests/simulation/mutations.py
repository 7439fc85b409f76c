"""Named mutants of core and engine: one exact replacement each, and the means that detects it.

Without another one it is the random histories of the simulator. `tale` names a sequence of commands instead, of which
every history with up to two faults of the given kinds is run; `test` a test that fails.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One mutation: in `file`, replace `old` (which must occur exactly once) with `new`; `also` is a second one.

    `also` disables another check that would hide the mutation. `tale` is for a failure that needs two faults at certain
    calls: every history of that sequence with up to two faults of the `kinds` is run. `test` is the id of the test that
    fails, for a promise that no history can break. With `replicas` the histories are those of several.
    """

    name: str
    file: str
    old: str
    new: str
    also: tuple[str, str, str] | None = None
    tale: str = ""
    kinds: tuple[str, ...] = ()
    test: str = ""
    replicas: bool = False


_KEYS, _KEYRING = "engine/keys.py", "core/planning/key_acceptance.py"
_RENT, _RETIRE, _OBSERVE = "engine/rent.py", "engine/retire.py", "engine/observe.py"
_POWER, _SLEEP, _REAP = "engine/start_stop.py", "core/planning/sleep.py", "engine/reap.py"
_OWNERSHIP = "core/planning/marks.py"
_RECORDS = "core/planning/records.py"
_PLAN, _PUBLISH, _CANDIDATES = "core/planning/plan.py", "engine/publish.py", "core/planning/candidates.py"
_OTHERS, _TURNS = "core/planning/replicas/others.py", "engine/fleet/turns.py"
_ROLLOUT, _SITUATION = "core/planning/rollout.py", "core/planning/situation.py"
MUTANTS = (
    Mutant("drop the settle wait", "core/model/desired.py", "settle: float = 240.0", "settle: float = 0.0"),
    Mutant("settle after 60 s", "core/model/desired.py", "settle: float = 240.0", "settle: float = 60.0"),
    Mutant(
        "settle after 180 s", "core/model/desired.py", "settle: float = 240.0", "settle: float = 180.0",
        tale="contended", kinds=("slow", "late"),
    ),
    Mutant(
        "no second proof of absence", _RETIRE,
        "    if (yield from _by_id(step.instance_id)) != NOT_FOUND:\n        _tried(step, run)\n        return\n", "",
    ),
    Mutant(
        "take a read by id that failed for gone", _RETIRE, 'return f"no answer: {error.summary}"', "return NOT_FOUND",
        tale="classic", kinds=("unlisted", "timeout"),
    ),
    Mutant(
        "load before list", _OBSERVE,
        "    instances = yield from ask(GpuHost.list_instances)\n    state = yield from ask(StateStore.load)\n",
        "    state = yield from ask(StateStore.load)\n    instances = yield from ask(GpuHost.list_instances)\n",
        test="tests/engine/test_interpreter.py::test_a_look_lists_before_it_loads",
    ),
    Mutant(
        "judge rest by what is intended", _SLEEP, "    elif not instance.stopped:\n", "    elif False:\n",
    ),
    Mutant(
        "forget a create whose offer was taken", _RENT, "written.mark_gone(token)", "written.drop_intent(token)",
        test="tests/engine/test_create_outcomes.py"
        "::test_an_offer_that_is_gone_costs_no_wait_and_its_token_stays_on_watch",
    ),
    Mutant(
        "rent on a machine that is denied", _RENT, "excluded.denied_machines(at)", "frozenset[str]()",
    ),
    Mutant(
        "cut off reports", _POWER, "    if (yield from _busy(number, run)):\n        return\n", "",
    ),
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
        also=(
            _POWER,
            "        yield from ask(Clock.sleep, ACTS_WITHIN)  # until then a start in the provider's queue",
            "        # until then a start in the provider's queue",
        ),
        tale="hurried", kinds=("late", "kill-before", "kill-after"),
    ),
    Mutant(
        "take what is stopped, and not in the state, for never started", "core/planning/adoption.py",
        "woken = LONG_AGO if instance.halted else 0.0", "woken = 0.0",
        tale="forgotten", kinds=("queued", "kill-before", "kill-after"),
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
    Mutant(
        "ignore the slots", _RENT, "run.situation.slots_taken >= run.desired.slots", "False",
        tale="divided", kinds=("impostor", "kill-before", "kill-after"),
    ),
    Mutant(
        "count only what is listed as slots", _SITUATION,
        "return len(self.ours) + len(unknown) + unlisted",
        "return len(self.ours) + unlisted",
    ),
    Mutant(
        "free a slot before its instance is gone", _SITUATION, "return len(self.ours) + len(unknown) + unlisted",
        "return len(self.ours) + len(unknown)",
        test="tests/core/test_situation.py::test_an_instance_that_left_the_list_and_is_not_confirmed_gone_takes_a_slot",
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
        also=(_OWNERSHIP, "        if relation is OTHER:\n            return relation\n", ""),
    ),
    Mutant(
        "destroy every owner's", _OWNERSHIP,
        "        relation = self._relation(instance)\n", "        relation = SAME\n",
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
        "go down only with a store", "engine/apply.py",
        "_apply(desired, memory) if desired.phase is not ABSENT else _remove(desired, memory)",
        "_apply(desired, memory)",
    ),
    Mutant(
        "ask for ever for what is refused for good", _POWER, "MAX_REFUSALS = 3", "MAX_REFUSALS = 10**9",
        also=(_POWER, "    if tries >= MAX_STOPS:", "    if tries >= 10**9:"),
    ),
    Mutant("wait for ever for what does not go", _RETIRE, "    if left <= 0:\n", "    if False:\n"),
    Mutant(
        "a newborn that is not seen is forgotten", _RECORDS,
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
        "if desired.phase is RUNNING and over_cap(desired, instance) and not candidate.published:",
        "if over_cap(desired, instance):",
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
        "    for end, machines in run.memory.ends.items():", "    for end, machines in ():",
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
    Mutant(
        "a second instance for every replica at once", _SITUATION,
        "crowded = self.observed.others.crowded", "crowded = 0", replicas=True,
    ),
    Mutant(
        "do not ask again whose turn it is when a create is stored", _OTHERS,
        "    if now.crowded > seen.crowded:", "    if now.crowded > 99:",
        test="tests/engine/test_fleet_operators.py::test_two_operators_that_both_saw_a_free_turn_do_not_both_rent",
    ),
    Mutant(
        "replicas on one machine, host or address", "core/model/boot/others.py",
        "return machine_id in self.machines or host_id in self.hosts or ip in self.ips", "return False",
        replicas=True,
    ),
    Mutant(
        "let each replica spend what all of them may", "core/model/replica.py",
        "desired.max_cost is None else desired.max_cost / desired.replicas",
        "desired.max_cost is None else desired.max_cost", replicas=True,
    ),
    Mutant(
        "rent beside an instance with the environment alone", _OTHERS,
        "return instance.mark is not None or (instance.born is not None and bool(instance.born.deployment))",
        "return instance.mark is not None",
        test="tests/core/test_other_replicas.py::test_what_others_have_beyond_one_each_is_counted",
    ),
    Mutant(
        "begin a replica in another account", _TURNS,
        "        one.memory.tied = is_tied(document, one.replica)\n", "", replicas=True,
    ),
    Mutant(
        "give up a boot by a list from before this machine was suspended", "core/planning/health.py",
        "not record.certificate and candidate.watch.steady", "not record.certificate",
        test="tests/engine/test_clocks.py::test_a_machine_that_boots_while_this_one_is_suspended_is_kept",
    ),
    Mutant(
        "write a part whoever wrote it since", "engine/fleet/document.py",
        "            if stored_part(whole, replica) != self.given[replica]:", "            if whole is None:",
        replicas=True,
    ),
    Mutant(
        "take a deploy from before the variables for one's own", _TURNS,
        "                one.held = effect\n                return None\n",
        "                one.value = yield from ask(WebHost.newest_deploy, *effect.args)\n"
        "                if one.value is not None:\n                    continue\n"
        "                one.held = effect\n                return None\n",
        test="tests/engine/test_fleet.py::test_a_change_goes_through_the_replicas_one_after_the_other",
    ),
    Mutant(
        "leave the replicas above their number", _TURNS,
        "            for number in sorted(numbers - {one.replica for one in self.members}):",
        "            for number in ():",
        test="tests/engine/test_fleet.py::test_replicas_that_only_their_marks_show_are_removed",
    ),
    Mutant(
        "write what was read however long ago", "engine/freshness.py",
        "    if late <= run.desired.timings.call_within:", "    if True:",
        test="tests/engine/test_read_long_ago.py::test_no_variable_is_written_that_was_read_before",
    ),
)  # fmt: skip
