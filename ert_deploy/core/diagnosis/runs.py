"""Causes in what runs left behind: a machine that no run takes into use, one that sleeps, and the last run's error."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.diagnosis.cause import Cause, Rank
from ert_deploy.core.diagnosis.evidence import Evidence
from ert_deploy.core.model.log.happened import ENDS, FAILED, NOT_ENDED
from ert_deploy.core.model.observed import Instance, Power, Vital
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.links import Missing, Name

UNFINISHED, STOPPED, LAST = 290, 295, Rank.PROBLEM + 50
AFTER_ALL = Rank.NEXT + 50  # what is wrong now comes before what a run met
PARTS = (Name.CONTRACT, Name.CONTAINER, Name.IDENTITY, Name.GUARD, Name.ENGINE, Name.MODEL)
ENDS_SOON = 86_400.0  # s before the end of a contract in which it is named (Vast.ai: rent another one a day before)


def of_runs(evidence: Evidence) -> Iterator[Cause]:
    """Yield what the last run left, and why the machine in use is stopped or soon will be."""
    facts = evidence.facts
    if facts is None or isinstance(facts.situation, Missing):
        return
    yield from _owner(facts.situation)
    found = facts.main
    if facts.on_a_server:
        return  # what a run has left is at its apps
    if found is None:
        yield from _last_run(evidence, facts.situation)
    elif facts.sleeps:
        if evidence.unoffered:
            yield _taken(found)
        yield from _last_run(evidence, facts.situation)
        yield from _asleep(facts, found)
    else:
        yield from _unfinished(evidence, facts.situation, found)
    if found is not None:
        yield from _contract(facts.situation, found.instance)


def _owner(situation: Situation) -> Iterator[Cause]:
    """Yield that the config has another owner than the state, though they have an app in common."""
    owners, owner = situation.observed.state.claims.owners, situation.desired.owner
    if owner and owners and owner not in owners and not situation.ownership.foreign:
        yield Cause(
            "owner",
            Rank.PROBLEM,
            f"the config's owner is {owner}, and the state was written for {', '.join(owners)}",
            "the next run takes both for one project, since they have an app in common",
            "if this is a copy for another project, give it a deployment name and apps of its own",
        )


def _last_run(evidence: Evidence, situation: Situation) -> Iterator[Cause]:
    """Yield the error of the last run, where nothing runs since then and no failed machine has more to tell."""
    history = situation.observed.state.history
    if evidence.failures or evidence.at_work or not history or history[-1].what not in (FAILED, NOT_ENDED):
        return
    if any(problem.summary == history[-1].why for problem in evidence.problems):
        return
    yield Cause(
        "last-run",
        AFTER_ALL if evidence.problems else LAST,
        f"the last run failed: {history[-1].why}",
        "nothing serves since then",
        "remove what it names, then `ert-deploy up`; RUNBOOK.md lists the messages",
        explains=frozenset({f"{Name.CONTRACT} {instance.id}" for instance in situation.ours}),
    )


def _unfinished(evidence: Evidence, situation: Situation, found: Candidate) -> Iterator[Cause]:
    """Yield the cause of a machine that was never taken into use, and on which no command works now."""
    number, state = found.instance.id, situation.observed.state
    told = [one for one in state.history if one.what not in ENDS]
    if found.record is None and not state.records and not told:
        yield Cause(
            "no-state",
            Rank.PROBLEM,
            f"no state: its file is gone or was never here, and instance {number} exists",
            "what was rented, published and denied is known by the marks alone",
            "`ert-deploy up` adopts the instance and writes a new state",
        )
    if evidence.at_work or found.record is None or found.record.certificate:
        return
    age = situation.observed.age(found.record.token, found.record.at) / 60
    yield Cause(
        "unfinished",
        UNFINISHED,
        f"instance {number} is unfinished: rented {age:.0f} min ago, {_now(found)}; no command works on it",
        "it bills, and the run that rented it was interrupted, killed, or gave up",
        "`ert-deploy up` goes on with it, or replaces it if it hangs; `ert-deploy down` destroys it",
        explains=frozenset(f"{name} {number}" for name in PARTS),
    )


def _now(found: Candidate) -> str:
    """Return what the machine does, by its list and its probe."""
    instance, health = found.instance, found.health
    if instance.power is not Power.RUNNING:
        told = f" ({instance.message.text})" if instance.message.text else ""
        return f"its host has it as {instance.status or 'provisioning'}{told}"
    if health is None:
        return "it runs, and has no public port yet"
    if health.vital is Vital.UNREACHABLE:
        return f"its container runs, and nothing can be reached at its port ({health.detail})"
    return f"it is {health.vital}"


def _asleep(facts: Facts, found: Candidate) -> Iterator[Cause]:
    """Yield why it is stopped, if neither a user asked for it nor a bad link has the reason."""
    number, reason = found.instance.id, facts.asleep.get(found.instance.id)
    subject = f"{Name.CONTRACT} {number}"
    if reason is Asleep.IDLE:
        limit = "launch/guard/idle_stop"
        why = f"no report was requested for so long: {limit}; only its disk bills"
        seen = f"instance {number} sleeps: it was idle and stopped itself"
        yield Cause("idle", STOPPED, seen, why, f"`ert-deploy wake`, or raise {limit}", subject, wanted=True)
    elif reason is Asleep.LIMIT:
        limit = "launch/guard/max_lifetime"
        why = f"its guard keeps the limits of the config ({limit}); only its disk bills"
        seen = f"instance {number} stopped itself at a limit of its own: its lifetime ({limit})"
        yield Cause("lifetime", STOPPED, seen, why, f"`ert-deploy wake`, or raise {limit}", subject)
    elif reason is Asleep.BUDGET:
        limit = "policy/budget_per_day"
        why = "its guard keeps the budget, and nothing is started beyond it; only its disk bills"
        seen = f"instance {number} stopped itself: its part of the budget is used up"
        yield Cause("budget", STOPPED, seen, why, f"`ert-deploy wake` on the next day, or raise {limit}", subject)


def _taken(found: Candidate) -> Cause:
    """Return the cause of a machine that could not be woken and that the market does not have either."""
    number, machine = found.instance.id, found.instance.machine_id
    return Cause(
        "gpu-taken",
        LAST - 1,
        f"the GPU of instance {number} is not on offer (machine {machine}): taken by another customer, or withdrawn",
        "it cannot be started while that lasts; its disk bills on",
        "`ert-deploy wake` rents another one, if the config admits one that is on offer: `ert-deploy offers`",
        explains=frozenset({f"{Name.CONTRACT} {number}"}),
    )


def _contract(situation: Situation, instance: Instance) -> Iterator[Cause]:
    """Yield the end of the host's contract, past or near, by the provider's clock."""
    now = situation.observed.provider_now
    if now is None or instance.ends is None or instance.ends - now > ENDS_SOON:
        return
    left = instance.ends - now
    over = left <= 0
    yield Cause(
        "contract-over" if over else "contract-ends",
        STOPPED if over else Rank.NEXT,
        f"the host's contract of instance {instance.id} "
        + ("has ended" if over else f"ends in {left / 3600:.0f} h" if left >= 7200 else f"ends in {left / 60:.0f} min"),
        "the provider has stopped it for good, and deletes it soon"
        if over
        else "then the provider stops it for good; the host may prolong it at another price",
        "`ert-deploy up` rents another one" if over else "`ert-deploy plan`; a later `up` rents another one",
        explains=frozenset(f"{name} {instance.id}" for name in PARTS) if over else frozenset(),
    )
