"""Checks of the account and of everything that is rented in it for this deployment."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ert_deploy.core.model.boot.allowance import SPENT
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.log.happened import FAILED
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.text import per_hour, span
from ert_deploy.core.planning.changes.fitness import repriced, unfit
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.replicas.others import of_others
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Credit, Facts
from ert_deploy.core.verdict.links import Level, Link, Missing, Name
from ert_deploy.core.verdict.machine import price

NOTHING = "none"  # where no instance exists
LOW = 1.0  # hours of credit below which the provider is about to stop everything
WHY = {
    Asleep.TAKEN: "it cannot be started while somebody else rents its GPU: `ert-deploy wake` rents another one",
    Asleep.OUTSIDE: "no run has stopped it, so it was stopped at the provider: `ert-deploy wake` starts it",
    Asleep.OUTBID: "somebody bids more for its GPU: `ert-deploy wake` rents another one",
    Asleep.CREDIT: "the account has no credit left, and the provider has stopped it",
}
WANTED = (Asleep.IDLE, Asleep.LIMIT, Asleep.BUDGET, Asleep.ASKED)


def account(facts: Facts) -> Link:
    """Return the link of the account: readable, and with credit for what is rented."""
    credit = facts.credit
    if isinstance(credit, Missing):
        return Link(Name.ACCOUNT, Level.UNKNOWN, "readable", "not read", credit.reason, unclear=True)
    if not math.isfinite(credit.amount):
        why = "the key may not read it (user_read)"
        return Link(Name.ACCOUNT, Level.UNKNOWN, "credit", "not shown", why, needed=False)
    rate, seen = _rate(facts), f"${credit.amount:.2f}"
    if not rate:
        return Link(Name.ACCOUNT, Level.GOOD, "no credit needed", seen)
    hours = max(0.0, credit.amount) / rate
    seen = f"{seen}, {_hours(hours)} at {per_hour(rate)}"
    if credit.amount > 0 and hours >= LOW:
        return Link(Name.ACCOUNT, Level.GOOD, f"credit for {_hours(LOW)}", seen)
    why = f"at $0 the provider stops everything: {credit.top_up}"
    return Link(Name.ACCOUNT, Level.BAD, f"credit for {_hours(LOW)}", seen, why)


def _rate(facts: Facts) -> float:
    """Return the $/h of all known instances, of every replica; 0 if there are none, or if their price is unknown."""
    situation = facts.situation
    if isinstance(situation, Missing):
        return 0.0
    billed = (*situation.ours, *_of_other_replicas(facts.desired, situation))
    rates = (i.disk_dph if i.stopped else i.dph for i in billed)
    return sum(rate for rate in rates if math.isfinite(rate))


def _of_other_replicas(desired: Desired, situation: Situation) -> Iterator[Instance]:
    """Yield the listed instances that are marked for other replicas of the deployment."""
    known = {*(i.id for i in situation.ours), *desired.ignored, *situation.observed.state.claims.ignored}
    yield from (one for one, _ in of_others(desired, situation.observed.instances) if one.id not in known)


def _hours(hours: float) -> str:
    return f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def contracts(facts: Facts) -> Iterator[Link]:
    """Yield one link per instance, pending create and pending deletion; one if nothing exists."""
    situation = facts.situation
    if isinstance(situation, Missing):
        yield Link(Name.CONTRACT, Level.UNKNOWN, "listed", "not read", situation.reason, unclear=True)
        return
    found = facts.main
    if situation.ownership.foreign:
        seen = f"of {', '.join(situation.observed.state.claims.owners) or 'other services'}"
        why = "it was written for another owner or other services than those of this config"
        yield Link(Name.STATE, Level.BAD, "of this config", seen, why, unclear=True)
    if found is not None:
        yield _main(facts, found)
    elif not situation.candidates:
        yield _none(situation)
    for other in situation.candidates:
        if found is None or other.instance.id != found.instance.id:
            known = "" if other.record is not None else "it is not in the state, "
            why = f"{known}it is not the one in use and it bills: `ert-deploy up` retires it"
            seen = f"{other.instance.status or 'provisioning'}, {price(other)}"
            yield Link(Name.CONTRACT, Level.BAD, "gone", seen, why, other.instance.id)
    yield from _pending(situation)
    for doubt in situation.undecided:
        number = doubt.instance.id
        why = f"{doubt.why}: `ert-deploy adopt|ignore|destroy {number}` decides"
        seen = f"marked, {per_hour(doubt.instance.dph)}"
        yield Link(Name.STRAY, Level.BAD, "an owner", seen, why, number, unclear=True)


def _none(situation: Situation) -> Link:
    listed = {i.id for i in situation.ours}
    lost = [r.id for r in situation.observed.state.records if r.id not in listed]
    if not lost and (failure := last_failure(situation)):
        return Link(
            Name.CONTRACT, Level.BAD, "a backend", NOTHING, f"{failure}: remove the reason, then `ert-deploy up`"
        )
    if not lost and situation.desired.cloud.readable:
        return Link(Name.CONTRACT, Level.GOOD, NOTHING, NOTHING)
    if not lost:
        why = "without a key of the GPU cloud none can be listed; the state names none"
        return Link(Name.CONTRACT, Level.UNKNOWN, NOTHING, "not listed", why, needed=False)
    why = "its guard, its host or somebody at the provider has destroyed it: `ert-deploy up` rents another one"
    return Link(Name.CONTRACT, Level.BAD, "the one of the state", "not listed any more", why, lost[0])


def failed_by_budget(situation: Situation) -> bool:
    """Whether the last run only failed as the budget did not allow a start, which the next day or month does."""
    history = situation.observed.state.history
    return bool(history) and (history[-1].what, history[-1].why) == (FAILED, SPENT)


def last_failure(situation: Situation) -> str:
    """Return when and by which error the last run failed that was to bring up or wake a backend; else empty."""
    history = situation.observed.state.history
    if not history or history[-1].what != FAILED:
        return ""
    ago = span(max(0.0, abs(situation.observed.stamp()) - abs(history[-1].at)))
    return f"the last run failed {ago} ago: {history[-1].why}"


def _main(facts: Facts, found: Candidate) -> Link:
    instance, subject = found.instance, found.instance.id
    cost, moved = price(found), repriced(instance)
    cost = f"{cost} ({moved} since it was rented)" if moved else cost
    seen = f"{instance.status or 'provisioning'}, {cost}, {instance.gpu_name}, {instance.geolocation}"
    seen = seen.rstrip(", ")
    if facts.sleeps:
        return _stopped(facts, found)
    wanted = f"at most ${facts.desired.criteria.max_dph:g}/h, as in the config" if facts.whole else "rented"
    if facts.whole and (why := unfit(facts.desired, found)):
        return Link(Name.CONTRACT, Level.BAD, wanted, seen, f"{why}: `ert-deploy up` replaces it", subject)
    if not math.isfinite(instance.dph):
        return Link(Name.CONTRACT, Level.UNKNOWN, wanted, seen, "the provider lists no price of it", subject)
    return Link(Name.CONTRACT, Level.GOOD, wanted, seen, subject=subject)


def _stopped(facts: Facts, found: Candidate) -> Link:
    subject, wanted = found.instance.id, "stopped by idleness or by `sleep`"
    reason = facts.asleep.get(subject, Missing("its log was not read"))
    cost = price(found)
    if isinstance(reason, Missing):
        # With credit, and not outbid, it was the guard or a person: either is as wanted.
        paid = isinstance(facts.credit, Credit) and math.isfinite(facts.credit.amount)
        why = f"{'whether it was idle or asked to' if paid else 'why it sleeps'} is not known: {reason.reason}"
        return Link(Name.CONTRACT, Level.UNKNOWN, wanted, f"stopped, {cost}", why, subject, needed=not paid)
    if reason is Asleep.ASKED and isinstance(facts.situation, Situation) and (failure := last_failure(facts.situation)):
        return Link(
            Name.CONTRACT, Level.BAD, "running again", f"stopped, {cost}", f"{failure}: `ert-deploy wake`", subject
        )
    if reason in WANTED:
        return Link(Name.CONTRACT, Level.GOOD, wanted, f"stopped ({reason}), {cost}", subject=subject)
    return Link(Name.CONTRACT, Level.BAD, wanted, f"stopped ({reason}), {cost}", WHY[reason], subject)


def _pending(situation: Situation) -> Iterator[Link]:
    listed = {i.id for i in situation.observed.instances}
    for tombstone in situation.observed.state.tombstones:
        if tombstone.id in listed:
            why = "it may bill until it is gone: run the last command again"
            yield Link(Name.CONTRACT, Level.BAD, "destroyed", "still listed", why, tombstone.id)
        else:
            why = "it is not listed, which has to be seen twice: run the last command again"
            yield Link(Name.CONTRACT, Level.UNKNOWN, "destroyed", "not confirmed", why, tombstone.id)
    if calls := len(situation.observed.state.intents):
        why = "what a create call did is not known until it has settled: run the last command again"
        yield Link(Name.CONTRACT, Level.UNKNOWN, "no open call", f"{calls} of unknown outcome", why)
