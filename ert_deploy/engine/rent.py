"""Renting in three parts: intent, effect, fact.

The `Intent` is durable before the create call starts, the call is sent exactly once, and the result is stored after it.
After an error at any point, the token in `label` and environment is that of the instance.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ert_deploy.core.market.learned import learn
from ert_deploy.core.model import keys, state, steps
from ert_deploy.core.model.desired import Desired, Market
from ert_deploy.core.model.errors import (
    BudgetSpent,
    CannotObserve,
    CreateRefused,
    Failed,
    NeedsAttention,
    OfferGone,
    OutcomeUnknown,
    UsageError,
)
from ert_deploy.core.model.events import CreateUnknown, OfferLost, Rented, Renting, Trouble, Wrote
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.machine.derived_keys import derives_for_apps
from ert_deploy.core.planning.app_env import for_last_word, withdrawn
from ert_deploy.core.planning.offers import Ranked, choose
from ert_deploy.engine.boot_failures import refuse_broken_image
from ert_deploy.engine.budget import affordable, commit, for_guard, given, too_dear
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.freshness import write_variables
from ert_deploy.engine.market.credit import check_credit
from ert_deploy.engine.market.quote import requote
from ert_deploy.engine.market.racing import apart, curve_of, exhausted, races, reorder
from ert_deploy.engine.market.registries import check_registries
from ert_deploy.engine.market.search import (
    AllTried,
    NoneMatches,
    none_matches,
    on_the_market,
    wait_for_offer,
)
from ert_deploy.engine.observe import ensure_within_deadline, own_time
from ert_deploy.engine.run_context import Run
from ert_deploy.engine.start_stop import cannot_publish
from ert_deploy.ports import Audience, CreateOrder, Entropy, GpuHost, StateStore, TimeSource

UNHEDGED_FOR = 60.0  # seconds until a race looks for a second machine again
RANKED_FOR = 60.0  # seconds for which a search is valid
MAX_LOST = 20  # offers already rented before the run fails


def write_markers(step: steps.WriteMarkers, run: Run) -> Effects[None]:
    """Write the fingerprint of an app without a backend, once an offer to rent is known. It is not secret.

    It distinguishes a state that was never written from a missing one that may have had a create.
    """
    if (yield from _found(step, run)) is None:
        return
    for target, publication in run.situation.targets:
        name = target.names.fingerprint
        if not (yield from write_variables((name,), withdrawn(target), publication, run, run.memory.read)):
            return
        yield from ask(Audience.tell, Wrote(publication.name, (name,), ()))


def rent(step: steps.Rent, run: Run) -> Effects[None]:
    """Rent the best remaining offer. Returns after the result is known or recorded as unknown.

    If there is none, the backend in use or the machine that boots remains; without one, UsageError or Failed is raised.
    """
    if not run.desired.publishes and not derives_for_apps(run.desired):
        raise cannot_publish("no machine can be started again")
    if run.situation.slots_taken >= run.desired.slots:
        raise NeedsAttention(
            "two instances of this deployment may be billing already",
            hint="`ert-deploy status` shows them; `ert-deploy down` removes them",
        )
    if run.situation.classified.current is not None:
        yield from _hedge(run)
        return
    try:
        found = yield from _found(step, run)
    except (UsageError, Failed) as error:
        if run.memory.kept is not None or not run.situation.serving:
            raise
        run.memory.kept = error
        yield from ask(Audience.tell, Trouble("the serving instance cannot be replaced", error.summary))
        return
    if found is not None:
        yield from _rent(run, *found)


def _hedge(run: Run) -> Effects[None]:
    """Rent a second machine, on another host and address. An error means that the first one is waited for alone."""
    try:
        yield from _rent(run, *(yield from best_offer(run)))
    except (UsageError, Failed, CannotObserve, BudgetSpent) as error:
        before, run.memory.unhedged = run.memory.unhedged, error
        run.memory.unhedged_until = run.observed.now + UNHEDGED_FOR if races(run.desired) else math.inf
        if before is None or before.hint != error.hint:
            yield from ask(Audience.tell, Trouble("no second machine is rented", error.summary))


def _rent(run: Run, ranked: Ranked, rank: int) -> Effects[None]:
    yield from ask(GpuHost.await_turn, "create")
    quoted = yield from requote(ranked, run)
    if quoted is None:
        return
    ranked, cost = quoted, quoted.estimate
    yield from ask(Audience.tell, Renting(ranked.offer, rank, len(run.memory.ranked), cost.expected(), cost.hourly))
    yield from _create_with_intent(run, ranked)


def _create_with_intent(run: Run, ranked: Ranked) -> Effects[None]:
    offer, known = ranked.offer, run.situation.claimed()
    token = (yield from ask(Entropy.token_bytes, keys.TOKEN_BYTES)).hex()
    boot_secret = (yield from ask(Entropy.token_bytes, keys.BOOT_SECRET_BYTES)).hex()
    closed = yield from _initial_key(token, run)
    launch = (run.memory.launch or run.desired.launch).on(offer)
    wanted = run.desired if launch is run.desired.launch else replace(run.desired, launch=launch)
    budget = for_guard(ranked.estimate.hourly, run, run.observed.now)
    given_env = budget | for_last_word(run.situation.targets)
    env = wanted.container_env(token, closed, boot_secret, offer, owner=run.situation.birth_owner, budget=given_env)
    order = CreateOrder(offer.id, launch, Mark(run.desired.deployment, token), env)
    now = yield from ask(TimeSource.moment)
    host_id, ip = (offer.host_id, offer.ip) if run.desired.replicas > 1 else ("", "")
    intent = state.Intent(token, now.stamp(), offer.id, offer.machine_id, host_id=host_id, ip=ip)
    written = yield from ask(StateStore.save, known.intend(intent))
    try:
        yield from ensure_within_deadline(run.desired, now)
    except Failed:
        yield from ask(StateStore.save, written.drop_intent(token))
        raise
    run.memory.tried.add(offer.id)
    run.memory.created.add(token)
    began = own_time(now, run.memory)
    commit(ranked, token, began, run.memory, given(budget, ranked.estimate.hourly))
    run.memory.rented[token] = offer
    run.memory.curves[token] = curve_of(ranked, run.desired, began, run.memory, token)
    try:
        instance_id = yield from ask(GpuHost.create, order)
    except OfferGone:
        run.memory.lost += 1
        del run.memory.spending[token]
        yield from ask(StateStore.save, written.mark_gone(token))
        yield from ask(Audience.tell, OfferLost(offer))
        return
    except CreateRefused as error:
        yield from ask(Audience.tell, CreateUnknown(token, error.summary))
        raise Failed(f"nothing was rented: {error.summary}", error.detail, error.hint) from error
    except OutcomeUnknown as error:
        run.memory.rentals += 1
        yield from ask(Audience.tell, CreateUnknown(token, error.summary))
        return
    run.memory.rentals += 1
    record = state.InstanceRecord(
        token, instance_id, offer.machine_id, now.stamp(), keys=(closed,), host_id=host_id, ip=ip
    )
    yield from ask(StateStore.save, written.put_record(record))
    yield from ask(Audience.tell, Rented(instance_id, offer))


def _initial_key(token: str, run: Run) -> Effects[str]:
    """Return the hash of the first key: a derived one, or one that is discarded and replaced once it is ready."""
    if run.desired.machine_secret is not None:
        return keys.machine_key(run.desired.machine_secret, token, 0).sha256()
    return keys.make_key((yield from ask(Entropy.token_bytes, keys.KEY_BYTES))).sha256()


def best_offer(run: Run) -> Effects[tuple[Ranked, int]]:
    """Return the best untried offer and its rank. UsageError: an image or model that cannot be had, or none matches."""
    refuse_broken_image(run)
    yield from check_registries(run)
    if exhausted(run.desired, run.memory) or run.memory.lost >= MAX_LOST:
        stored = run.observed.state
        raise Failed(
            f"{run.memory.rentals} rented machines did not become healthy, {run.memory.lost} offers were taken",
            "\n".join(f"instance {one.id}: {one.reason}" for one in stored.failures[-run.memory.rentals :]),
            "`ert-deploy doctor` has what each machine left; `offers` lists the remaining ones",
        )
    moment = yield from ask(TimeSource.moment)
    stored, others, taken = run.observed.state, run.observed.others, run.situation.occupied
    excluded = replace(stored, denied=(*stored.denied, *others.denied)) if others.denied else stored
    now, at = own_time(moment, run.memory), abs(moment.stamp())
    denied, hosts = excluded.denied_machines(at), excluded.denied_hosts(at)
    if now >= run.memory.ranked_until:
        market, learned = (yield from on_the_market(run.desired)), learn(stored.launches)
        choice = choose(market, run.desired, denied, taken, learned=learned, denied_hosts=hosts, others=others)
        run.memory.launch = None
        if not choice.ranked and (other := _without_bids(run.desired)) is not None:
            market = yield from on_the_market(other)
            on_demand = choose(market, other, denied, taken, learned=learned, denied_hosts=hosts, others=others)
            choice, run.memory.launch = (on_demand, other.launch) if on_demand.ranked else (choice, None)
        if not choice.ranked:
            raise none_matches(choice, run.desired)
        if not run.memory.credit_checked:
            yield from check_credit(choice.ranked, run.desired, run.observed)
        now = own_time((yield from ask(TimeSource.moment)), run.memory)  # a slow search must not be repeated for ever
        run.memory.ranked, run.memory.ranked_until = choice.ranked, now + RANKED_FOR
    reorder(run.desired, stored, run.memory, now)
    left = [
        (ranked, rank)
        for rank, ranked in enumerate(run.memory.ranked, 1)
        if ranked.offer.id not in run.memory.tried
        and ranked.offer.machine_id not in denied | taken | run.memory.overtaken
        and ranked.offer.host_id not in hosts
        and not others.near(ranked.offer.machine_id, ranked.offer.host_id, ranked.offer.ip)
    ]
    if run.situation.classified.current is not None:
        left = [found for found in left if apart(found[0].offer, run.situation.ours, run.memory)]
    within = next((found for found in left if affordable(found[0], run, now)), None)
    if within is not None:
        return within
    run.memory.ranked_until = float("-inf")
    if left:
        raise too_dear(left[0][0], run, now)
    raise AllTried("every offer that matches has been tried", hint="run `ert-deploy up` again for a new search")


def _without_bids(desired: Desired) -> Desired | None:
    """Return the same on demand, if that is what the config wants when no bid is possible."""
    launch = desired.launch
    if launch.market is not Market.INTERRUPTIBLE or not launch.or_on_demand:
        return None
    return replace(desired, launch=replace(launch, market=Market.ON_DEMAND, bid=None, bid_margin=None))


def _found(step: steps.Step, run: Run) -> Effects[tuple[Ranked, int] | None]:
    """Return the best offer; None after a wait for one, so that the actual state is read again. Raises as above."""
    try:
        return (yield from best_offer(run))
    except (NoneMatches, AllTried) as error:
        now = own_time((yield from ask(TimeSource.moment)), run.memory)
        yield from wait_for_offer(error, run.desired.wait_for_offer, now, run.memory)
    run.memory.taken.pop(step, None)  # a wait is no attempt
    return None
