"""GPU host port of the simulator: list, search, create, start, stop and destroy, with checks of each call."""

from __future__ import annotations

from itertools import takewhile

from ert_deploy.core.model.desired import ASLEEP, INTERRUPTIBLE, Criteria, Desired, Launch, Timings
from ert_deploy.core.model.errors import ErtError, Gone, OfferGone, OutcomeUnknown, StartRefused, Transient
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.state import LONG_AGO, Denied, InstanceRecord, Intent
from ert_deploy.core.planning.replicas.parts import part_of
from ert_deploy.ports import Account, CreateOrder
from tests.simulation.faults import LATEST, TIMEOUT
from tests.simulation.following import has_derived_key
from tests.simulation.market import BY_ID, DISK, MOVE, STRANGERS, Machine, as_bids, host_of, ip_of, machine_of
from tests.simulation.web import NAMES_OF
from tests.simulation.world import Actor, Violation, World

DELAYS = (0.0, 1800.0, 2400.0, 0.0, 2000.0, 2200.0, 6000.0)  # s by which boots take longer in a slow world
WITHIN_BUDGET = 1  # machines of each replica of one command with `max_cost`
CALL_WITHIN, FINISH = Timings().call_within, Timings().finish
MOST_UNPULLED = 2  # hosts that may fail to pull the image before a command must give up
LIMITS = ("ERT_IDLE_STOP", "ERT_BOOT_DEADLINE", "ERT_MAX_LIFETIME")  # of the guard; 0 disables a limit


def account(world: World) -> Account:
    return Account(10.0, "dev@example.org", world.account)


def list_instances(world: World) -> tuple[Instance, ...]:
    if world.account != "1":
        return ()
    now, world.listing = world.now, world.calls
    if world.dates:
        world.operator.hear(now)
    ours = [m.show(now) for m in world.machines.values() if m.listed <= now < m.leaves]
    return (*STRANGERS, *ours)


def get_instance(world: World, instance_id: InstanceId) -> Instance | None:
    if world.account != "1":
        return None
    made = world.machines.get(instance_id)
    if made is not None and made.found <= world.now < made.leaves:
        return made.show(world.now)
    return BY_ID.get(instance_id)


def search(world: World, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
    bids = launch.market is INTERRUPTIBLE
    offers = as_bids(world.offers, world.outbidding) if bids else world.offers
    world.acting.shown |= {o.id: o for o in offers}
    if not world.paid:
        return offers
    taken = {m.offer for m in world.paid.values()}
    return tuple(o for o in offers if o.id not in taken)


def logs(world: World, instance_id: InstanceId, tail: int) -> str:
    return f"log of {instance_id}"


def quote(world: World, offer: Offer, launch: Launch) -> Offer | None:
    found = search(world, Criteria(0.0), launch)
    world.acting.quoted = offer.id
    return next((o for o in found if o.id == offer.id), None)


def create(world: World, order: CreateOrder) -> InstanceId:
    if not all(order.env.get(name, "").isdecimal() and int(order.env[name]) > 0 for name in LIMITS):
        raise Violation("a create call of a machine that would not stop by itself")
    if all(i.token != order.mark.token for i in world.whole.intents):
        raise Violation("a create call without a durable intent")
    if world.now - world.written.get(order.mark.token, world.now) > CALL_WITHIN + 2.0:
        raise Violation("a create call long after its intent was written")
    if len(world.paid) + world.pending - world.hardly_ours() >= world.allowed + world.more:
        raise Violation(f"a create call while {len(world.paid)} are paid and {world.pending} may be")
    if order.offer_id != world.acting.quoted:
        raise Violation("a create call whose price was not read right before it")
    world.acting.quoted = ""
    if order.offer_id not in world.acting.shown:
        raise OfferGone("no_such_ask")
    _may_rent(world, order)
    has_derived_key(world, order)
    world.changes += 1
    kind = world.kind
    if kind == "late" or (kind == "taken-late" and world.beyond):
        raise _put_off(world, order, world.acting)
    if kind == "taken-late":
        raise OfferGone("no_such_ask")
    if kind == "duplicate" and (world.beyond or _alone(world)):
        world.allowed += world.beyond
        _make(world, order)
    return _make(world, order)


def _may_rent(world: World, order: CreateOrder) -> None:
    """Check a create call: a machine not yet in use, a price within the limit, and within the budget."""
    wanted, machine = world.acting.wanted, machine_of(order.offer_id)
    assert wanted is not None
    own = part_of(world.state, replica_of(order.mark.deployment)[1])
    before = takewhile(lambda intent: intent.token != order.mark.token, own.intents)  # the later one is dropped
    held = {intent.machine_id for intent in before if not intent.gone}
    if machine in held | {record.machine_id for record in own.records if record.id in world.paid}:
        raise Violation(f"a create call on machine {machine}, where an instance of ours is")
    _must_be_apart(world, order)
    if world.dates and any(d.until > world.now + 1.0 and _denies(d, order.offer_id) for d in own.denied):
        raise Violation(f"a create call on machine {machine}, which is denied")
    bid, listed = order.launch.bid, world.acting.shown[order.offer_id]  # the listed price may have increased since then
    price = listed.dph_total if bid is None else bid + DISK
    if bid is not None and bid < (listed.min_bid or 0.0):
        raise Violation(f"a bid of ${bid}/h, and the lowest one is ${listed.min_bid}/h")
    if bid is None and wanted.launch.market is INTERRUPTIBLE and not wanted.launch.or_on_demand:
        raise Violation("a machine on demand in place of a bid, which the config does not want")
    if price > wanted.criteria.max_dph:
        raise Violation(f"a create call for ${price}/h, above the cap")
    of_it = [made for made in world.acting.rented.values() if made.mark.deployment == order.mark.deployment]
    rented = [made for made in of_it if made.trouble != "removed"]
    if wanted.max_cost is not None and len(rented) >= WITHIN_BUDGET:
        raise Violation("a create call beyond plan/max_cost")
    _may_be_second(world, wanted, order)
    if len(world.acting.unpulled) >= MOST_UNPULLED:
        raise Violation("a create call after the image could not be pulled on several hosts")


def _must_be_apart(world: World, order: CreateOrder) -> None:
    """Check a create call of one of several replicas: no known instance of another one is near."""
    number, offer = replica_of(order.mark.deployment)[1], order.offer_id
    for other in range(1, world.replicas + 1) if world.replicas > 1 else ():
        part = part_of(world.state, other)
        known: tuple[Intent | InstanceRecord, ...] = (
            *(one for one in part.intents if not one.gone),
            *(one for one in part.records if one.id in world.paid),
        )
        for one in known if other != number else ():
            if one.machine_id == machine_of(offer):
                raise Violation(f"replicas {number} and {other} are on machine {one.machine_id}")
            if one.host_id == host_of(offer) or one.ip == ip_of(offer):
                raise Violation(f"replicas {number} and {other} are on one host or address")


def _denies(denied: Denied, offer_id: str) -> bool:
    if denied.machine_id:
        return denied.machine_id == machine_of(offer_id)
    return denied.host_id == host_of(offer_id)


def _may_be_second(world: World, wanted: Desired, order: CreateOrder) -> None:
    """Check a create call while a machine of the same command boots well: only as a hedge, and on another host."""
    for made in world.acting.rented.values():
        own = made.mark.deployment == order.mark.deployment
        if own and made.id in world.paid and _boots_well(world, made, wanted.criteria.max_dph):
            if wanted.launch.hedge == 1:
                raise Violation(f"a create call while instance {made.id} boots, without a hedge")
            if host_of(order.offer_id) == host_of(made.offer):
                raise Violation(f"a hedge on host {host_of(made.offer)}, where instance {made.id} boots")


def _boots_well(world: World, made: Machine, cap: float) -> bool:
    """Whether its command has seen it as it is, can know that it is its own, and has no reason to give it up."""
    record = world.whole.record(made.id)
    if record is None or record.stranded:  # its start was given up: one in the console does not make it the backend
        return False
    seen = made.listed <= world.now and made.edited < world.listing
    sound = made.labelled and made.environed and not (made.trouble or made.halted)
    return seen and sound and made.price <= cap


def _price(world: World, order: CreateOrder) -> float:
    bids = order.launch.market is INTERRUPTIBLE
    offers = as_bids(world.offers, world.outbidding) if bids else world.offers
    listed = next((o for o in offers if o.id == order.offer_id), None)
    if order.launch.bid is not None:
        return order.launch.bid + DISK
    return listed.dph_total if listed is not None else 0.0


def _alone(world: World) -> bool:
    """Whether no other instance is rented and no other create call is pending or possible by another operator."""
    return len(world.paid) + world.pending == 0 and len(world.whole.intents) == 1 and world.operators == 1


def _put_off(world: World, order: CreateOrder, actor: Actor) -> ErtError:
    """Delay a create call beyond its response; after the settle time or an error only if `World.beyond` is set."""
    kind, latest = world.kind, LATEST + TIMEOUT
    delay = world.strength if world.beyond else min(world.strength, latest)
    lies = kind == "taken-late" or delay > latest
    world.took = min(30.0, delay)
    world.pending += 1
    world.under_way.append(order.mark.token)
    world.allowed += lies
    if lies:
        world.overdue = max(world.overdue, world.now + delay)
    world.later(delay, _land, (order, actor))
    return OutcomeUnknown(kind) if kind == "late" else OfferGone(kind)


def _land(world: World, what: tuple[CreateOrder, Actor]) -> None:
    world.pending -= 1
    world.under_way.remove(what[0].mark.token)
    world.struck = world.calls
    world.kind = ""  # the fault of the current call does not apply to this delayed one
    _make(world, *what)


def _make(world: World, order: CreateOrder, actor: Actor | None = None) -> InstanceId:
    kind, price = world.kind, _price(world, order)
    clash = any(m.offer == order.offer_id and not m.halted for m in world.paid.values())
    made = add(world, order, price * 3 if kind == "overpriced" else price)
    if clash:
        made.trouble = "clash"  # the offer is rented a second time, and that instance fails on ports already in use
    elif world.limited:
        made.trouble, made.halted = "unpulled", True
    (actor or world.acting).rented[order.mark.token] = made
    if kind in ("hidden", "hidden-by-id"):
        made.listed = world.now + world.strength
        made.found = made.listed if kind == "hidden-by-id" else world.now
    return made.id


def add(world: World, order: CreateOrder, price: float) -> Machine:
    """Add a rented machine."""
    world.numbers += 1
    made = Machine(world.numbers, order, world.now, price)
    if world.replicas > 1:
        made.ip, made.host = ip_of(order.offer_id), host_of(order.offer_id)
    world.machines[made.id] = world.paid[made.id] = made
    if world.kind == "crawls":
        made.slow_down(world.now, world.strength)
    elif world.slow and (delay := DELAYS[world.numbers % len(DELAYS)]):
        made.slow_down(world.now, delay)
    world.most_paid = max(world.most_paid, len(world.paid))
    if len(world.paid) - world.hardly_ours() > world.allowed + world.replicas - 1:
        raise Violation(f"{len(world.paid)} are paid at once")
    return made


def destroy(world: World, instance_id: InstanceId) -> None:
    world.changes += 1
    if instance_id in BY_ID:
        raise Violation(f"instance {instance_id} was not ours to destroy")
    by_marks = world.operator.down and world.operator.storeless
    if instance_id in world.paid and not by_marks and all(t.id != instance_id for t in world.whole.tombstones):
        raise Violation(f"instance {instance_id} is destroyed without a tombstone")
    if instance_id in world.paid and _unsure(world, world.paid[instance_id]):
        raise Violation(f"instance {instance_id} shows no environment of ours and is destroyed without a question")
    if world.kind == "late":
        world.took = 30.0
        world.later(world.strength, end, instance_id)
        if by_marks:  # no state has it, so that nobody can know of it if this run is killed
            world.overdue = max(world.overdue, world.now + world.strength)
        raise Transient("timeout")
    if world.kind == "unlisted" and instance_id in world.paid:  # a read by id still has it, and it bills
        world.paid[instance_id].listed = float("inf")
        world.later(world.strength, end, instance_id)
        return
    end(world, instance_id, world.strength if world.kind in ("lingers", "ghost") else 0.0)


def _unsure(world: World, made: Machine) -> bool:
    """Whether the newest listing has no environment of this deployment for it, and it was not adopted."""
    seen = not made.environed and made.edited < world.listing and world.operators == 1
    return seen and made.id not in world.whole.claims.adopted


def end(world: World, number: InstanceId, lingers: float = 0.0) -> None:
    """Remove an instance; it remains in the listing for `lingers` seconds."""
    made = world.paid.pop(number, None)
    if made is not None:
        made.ends, made.leaves = world.now, world.now + lingers


def start(world: World, instance_id: InstanceId) -> None:
    world.changes += 1
    record = world.whole.record(instance_id)
    marked = any(t.id == instance_id for t in world.whole.tombstones)
    if instance_id in world.paid and not marked and (record is None or not record.woken):
        raise Violation(f"instance {instance_id} is started, and nobody wrote that down")
    if not world.beyond and record is not None and record.woken > LONG_AGO and world.now - record.woken > 62.0:
        raise Violation(f"instance {instance_id} is started by one who did not win the write")
    made, kind = _ours(world, instance_id), world.kind
    if made.trouble == "unpulled":
        raise Violation(f"instance {made.id} is started, and its image could not be pulled")
    if kind == "late":
        world.took = 30.0
        world.coming = max(world.coming, world.now + world.strength)
        made.starting += 1
        world.later(world.strength, _come_late, made)
        raise Transient("timeout")
    if kind == "queued" and made.halted:
        made.queued = True
        world.coming = max(world.coming, world.now + world.strength)
        world.later(world.strength, _from_the_queue, made)
    if made.taken or made.expired or kind == "queued":
        raise StartRefused("resources_unavailable")
    come_on(world, made, MOVE if kind == "moves" else 0)
    if kind == "stuck":
        made.trouble = "stuck"


def come_on(world: World, made: Machine, moves: int = 0) -> None:
    """Execute the start of an instance, if it exists and its GPU is available."""
    if made.id in world.paid and not (made.taken or made.expired):
        made.wake(world.now, moves)


def _come_late(world: World, made: Machine) -> None:
    made.starting -= 1
    world.struck = world.calls
    come_on(world, made)


def _from_the_queue(world: World, made: Machine) -> None:
    if made.queued:
        made.taken = False
        come_on(world, made)
        world.struck = world.calls


def stop(world: World, instance_id: InstanceId) -> None:
    made = _ours(world, instance_id)
    if _may_cut_off(world, made):
        raise Violation(f"instance {instance_id} is stopped, and nobody asked for its reports")
    world.changes += not made.halted or made.queued or made.outbid
    if world.kind == "late":
        world.took = 30.0
        world.overdue = max(world.overdue, world.now + world.strength)
        world.later(world.strength, _go_off, made)
        raise Transient("timeout")
    if world.kind == "acts late":
        world.overdue = max(world.overdue, world.now + world.strength)
        made.stopping = True
        world.later(world.strength, _go_off, made)
        return
    made.halt(world.now, world.strength if world.kind == "lingers" else 0.0)


def _may_cut_off(world: World, made: Machine) -> bool:
    """Whether `sleep` stops a backend that it knows to be healthy, with a known key, without asking for its reports.

    It knows the key that it has read in the app's variables. One that another command writes there after that read it
    cannot know, however late it reads.
    """
    actor, record = world.acting, world.whole.record(made.id)
    if actor.wanted is None or actor.wanted.phase is not ASLEEP or record is None or record.asked:
        return False
    # Replicas share a list, so that what is read after it may be read for another one.
    proven = actor.proven.get(made.id, 0)
    read = actor.read if world.replicas == 1 else actor.compared.get(made.replica, 0)
    seen = proven > world.listing and read > (world.listing if world.replicas == 1 else proven)
    seen = seen and len(world.services) == 1
    if not seen or actor.asked > world.listing or (actor.waits and world.now - actor.waits >= FINISH):
        return False
    key = actor.variables.get(NAMES_OF[made.replica].key)
    return key is not None and key.sha256() in record.keys


def _go_off(world: World, made: Machine) -> None:
    made.halt(world.now)
    world.struck = world.calls


def _ours(world: World, number: InstanceId) -> Machine:
    if number in BY_ID:
        raise Violation(f"instance {number} was not ours to start or stop")
    made = world.machines[number]
    if made.ends <= world.now:
        raise Gone("no_such_instance")
    return made
