"""A whole world in plain memory on virtual time, and the interpreter that carries out the engine's effects in it.

It plays what the ports promise (the same kinds of errors, nothing else) and checks at every effect what must always
hold. No I/O, no logging, no waiting: a day passes in a millisecond.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable
from copy import copy
from itertools import takewhile
from typing import Any, ClassVar, TypeAlias

from ert_deploy.core.model.desired import Desired, Market, Phase
from ert_deploy.core.model.errors import (
    CannotObserve,
    ErtError,
    OfferGone,
    OutcomeUnknown,
    StartRefused,
    StateConflict,
    Transient,
)
from ert_deploy.core.model.observed import Address, DeployKind, Health, Instance, Offer, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import LONG_AGO, State, Tombstone
from ert_deploy.engine import effects as e
from ert_deploy.engine.app_proof import AskApp
from ert_deploy.ports import Account, AppAnswer, CreateOrder
from tests.simulation.faults import AFTER, CONSOLE, EVENTS, FOR_GOOD, LASTING, LATEST, STRIKES, TAKES, Faults
from tests.simulation.market import (
    BY_ID,
    DISK,
    FRESH,
    HOST,
    IMPOSTOR,
    MOVE,
    PORT_BASE,
    STOCK,
    STRANGERS,
    UNREACHABLE,
    Machine,
    as_bids,
    dearer,
)
from tests.simulation.operators import Operator
from tests.simulation.web import NAMES, OWNED, Service
from tests.simulation.web import TAKES as DEPLOY_TAKES

LATENCY = 0.1
DRAIN = 75.0  # seconds for which what ran before may still be asking
START = 1_000_000.0
WITHIN_BUDGET = 1  # machines of one command with a budget
MOST_UNPULLED = 2  # hosts on which one command finds that the image cannot be pulled, before it rents no more
MOST_CLONES = 4  # that a person makes in one history
LIMITS = ("ERT_IDLE_STOP", "ERT_BOOT_DEADLINE", "ERT_MAX_LIFETIME")  # of the guard; 0 would switch one off


class Violation(Exception):
    """Something happened that must never happen."""


class Killed(BaseException):
    """The process is gone at this very effect."""


Hand: TypeAlias = Callable[[Any, Any], Any]  # of a world and an effect


def rarely(hand: Hand) -> Hand:
    """A call that few histories make: it is struck more often than others."""

    def carry_out(world: World, effect: Any) -> Any:
        if not world.kind and world.faults.also():
            return world.struck(effect, type(effect), hand)
        return hand(world, effect)

    return carry_out


class Actor:
    """The command whose effects are carried out: what it wants (None: it reaps), what it has rented, by token."""

    def __init__(self, wanted: Desired | None = None) -> None:
        self.wanted = wanted
        self.rented: dict[str, Machine] = {}
        self.shown: dict[int, Offer] = {}  # by its last searches
        self.unpulled: set[int] = set()  # offers of machines of its own that it gave up because of their image

    def must_keep_serving(self) -> bool:
        """Whether it may not take a backend away from an app."""
        return self.wanted is not None and self.wanted.phase is not Phase.ABSENT


class World:
    """Everything outside the engine. `took` is how long the effect just carried out has lasted.

    `beyond`: creates may also take effect after the settle time or after a refusal, and be delivered twice while
    another instance is paid. Then more than two may be paid at once, each by an effect nobody asked for: `allowed`.
    """

    def __init__(self, faults: Faults, services: tuple[str, ...] = ("dash",), *, beyond: bool = False) -> None:
        self.faults, self.beyond = faults, beyond
        self.now, self.took = START, 0.0
        self.turns = 0  # commands that were given
        self.touched = -1  # the call at which something last came to run or exist that no command has asked for
        self.operator = Operator()  # whose effect is carried out
        self.dates = True  # the provider's replies say when they were written
        self.lasting: set[type[Any]] = set()  # the calls that fail until somebody mends what is wrong
        self.calls = self.effects = self.drawn = self.begun = self.calmed = 0
        self.patience = self.disturbed = 0  # effects: a command ends by so many, and when somebody last stepped in
        self.kind = ""
        self.strength = 0.0
        self.operators = 1  # at work now
        self.offers = STOCK
        self.machines: dict[int, Machine] = {}
        self.paid: dict[int, Machine] = {}
        self.pending = 0  # create calls on their way
        self.allowed = 2
        self.overdue = 0.0  # when a create call lands that is later than the settle time allows for
        self.coming = 0.0  # when the last start takes effect that was not answered, or refused and queued
        self.most_paid = 0
        self.clones = 0
        self.state = State("ert")
        made = [Service(name) for name in services]
        self.services = {service.id: service for service in made}
        self.by_name = {service.name: service for service in made}
        self.by_url = {service.url: service for service in made}
        self.account = "1"  # of the key in use; the machines are of account 1
        self.due: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self.numbers = 500
        self.changes = 0  # writes to any provider
        self.listing = 0  # the number of the newest call that listed
        self.trace: list[tuple[float, str, str]] | None = None
        self.seen: list[type[Any]] | None = None  # the kind of every call, when somebody asks for it
        self.acting = Actor()
        self.limited = False  # no host can pull the image

    def twin(self, twin: World) -> World:
        """Make a fresh world like this one, at a moment when nothing is under way here, to go on from there."""
        assert not self.due
        twin.now, twin.state = self.now, self.state
        twin.calls, twin.begun, twin.drawn, twin.numbers = self.calls, self.calls, self.drawn, self.numbers
        twin.machines = {number: copy(made) for number, made in self.machines.items()}
        twin.paid = {number: twin.machines[number] for number in self.paid}
        twin.most_paid = len(twin.paid)
        for number, service in self.services.items():
            twin.services[number].take(service)
        return twin

    def advance(self, until: float) -> None:
        """Let time pass; what was under way happens."""
        while self.due and self.due[0][0] <= until:
            self.now, _, happen, what = heapq.heappop(self.due)
            happen(what)
        self.now = until

    def later(self, seconds: float, happen: Callable[[Any], None], what: Any) -> None:
        """Something that happens by itself."""
        self.numbers += 1
        heapq.heappush(self.due, (self.now + seconds, self.numbers, happen, what))

    def carry_out(self, effect: Any) -> Any:
        """One effect. Raises what a port would raise, Killed, or Violation."""
        call = type(effect)
        self.effects += 1
        if call is e.Tell or call is e.AwaitTurn:
            return None
        if call is e.Now:
            return self.operator.read(self.now)
        self.took = LATENCY
        if call is e.Sleep:
            self.took = effect.seconds
            return None
        if call is e.Draw:
            self.drawn += 1
            return self.drawn.to_bytes(effect.count, "big")
        self.calls += 1
        if self.seen is not None:
            self.seen.append(call)
        if self.trace is not None:
            self.trace.append((self.now, call.__name__, ""))
        if self.lasting and call in self.lasting:
            raise self._refusal(call)
        if self.calls == self.faults.next:
            return self.struck(effect, call, self.HANDS[call])
        self.kind = ""
        return self.HANDS[call](self, effect)

    def struck(self, effect: Any, call: type[Any], hand: Hand) -> Any:
        """The effect with whatever fault is due."""
        self.kind, self.strength = self.faults.take(self.calls, call) or ("", 0.0)
        name = self.kind
        if self.trace is not None and name:
            self.trace.append((self.now, call.__name__, f"{name} {self.strength}"))
        if name in ("kill-before", "kill-after"):
            if name == "kill-after":
                self._quietly(hand, effect)
            raise Killed
        if name in EVENTS:
            self.patience += self.effects - self.disturbed
            self.disturbed = self.effects
            self._event(name)
        if name == FOR_GOOD:
            self.lasting |= {call, e.GetInstance} if call is e.ListInstances else {call}
            raise self._refusal(call)
        strike = STRIKES[call].get(name)
        if strike is not None:
            self.took = TAKES.get(name, LATENCY)
            self.operator.storeless |= call in (e.Load, e.Save) and strike is not StateConflict
            if name in AFTER:
                self._quietly(hand, effect)
            raise strike(name)
        if name == "slow":
            self.took = self.strength
        if name == "nap":
            return self._nap(hand, effect)
        return hand(self, effect)

    def _nap(self, hand: Hand, effect: Any) -> Any:
        """The machine sleeps after the call was made, and reads its answer when it wakes up.

        The wall clock of one in three stands still meanwhile.
        """
        slept = self.strength
        if int(slept) % 3 == 0:
            self.operator.skew -= slept
        try:
            return hand(self, effect)
        finally:
            self.took += slept

    def _refusal(self, call: type[Any]) -> ErtError:
        self.operator.storeless |= call in (e.Load, e.Save)
        return LASTING.get(call, CannotObserve)(FOR_GOOD)

    def mend(self) -> None:
        """What fails for good does so no longer."""
        self.lasting.clear()
        for made in self.machines.values():
            made.leaves = min(made.leaves, self.now) if made.ends <= self.now else made.leaves

    def ghosts(self) -> bool:
        """Whether something that was destroyed is still shown."""
        return any(made.ends <= self.now < made.leaves for made in self.machines.values())

    def _quietly(self, hand: Hand, effect: Any) -> None:
        """The effect happens, and its answer gets lost."""
        with contextlib.suppress(ErtError):
            hand(self, effect)

    def _event(self, name: str) -> None:
        """Something happens to the newest machine, or to the first service, whatever anybody asks."""
        if name == "redeploy":
            self._start(next(iter(self.services.values())), fails=False)
        elif name == "rollback":
            next(iter(self.services.values())).roll_back(self.now)
        elif name == "jump":
            self.operator.skew += self.strength
        elif name == "dearer":
            self.offers = dearer(STOCK)
        elif name == "limited":
            self.limited = True
        elif self.paid:
            self._befall(self.paid[max(self.paid)], name)

    def _befall(self, made: Machine, name: str) -> None:
        if name in CONSOLE:
            self._in_the_console(made, name)
        elif name == "self-stop":
            made.halt(self.now)
        elif name == "taken":
            made.taken = True
        elif name == "contract-end":  # stopped, cannot start again (Vast's guide to instances)
            made.halt(self.now)
            made.expired = True
        elif name == "outbid":
            self._outbid(made)
        elif made.trouble != "unpulled":
            made.trouble = name

    def _in_the_console(self, made: Machine, name: str) -> None:
        """A person does something to it that no command knows of. A clone is one more that is paid."""
        self.touched = self.calls
        match name:
            case "relabel":
                made.labelled = False
            case "env-lost":
                made.environed = False
            case "clone":
                if self.clones < MOST_CLONES:
                    self.clones += 1
                    self.allowed += 1
                    self._add(made.order, made.price)
            case "console-stop":
                made.halt(self.now)
            case "console-start":
                self._come_on(made)
            case _:
                made.trouble = "removed"
                self._end(made.id)
        made.showing, made.edited = None, self.calls

    def _outbid(self, made: Machine) -> None:
        if made.order.launch.bid is not None and not made.halted:
            made.halt(self.now)
            made.outbid = True
            self.coming = max(self.coming, self.now + self.strength)
            self.later(self.strength, self._bid_wins, made)

    def _bid_wins(self, made: Machine) -> None:
        if made.outbid:
            self.touched = self.calls
            self._come_on(made)

    def lost_to_all(self) -> list[int]:
        """What is paid, bears neither mark any more, and whose id was never stored: nobody can know it."""
        known = {r.id for r in self.state.records} | {t.id for t in self.state.tombstones}
        return [n for n, made in self.paid.items() if not (made.labelled or made.environed) and n not in known]

    def _hardly_ours(self) -> int:
        """How many are paid that no environment and no state says are ours; a label alone keeps nobody from renting."""
        if all(made.environed for made in self.paid.values()):
            return 0
        known = {r.id for r in self.state.records} | {t.id for t in self.state.tombstones}
        return sum(not made.environed and number not in known for number, made in self.paid.items())

    def calm(self) -> None:
        """The trouble is over; what it has done stays done."""
        self.faults.stop()
        self.calmed = self.calls
        self.offers = (*STOCK, *FRESH)
        self.limited = False

    # The GPU market.

    def _list(self, _: e.ListInstances) -> tuple[Instance, ...]:
        if self.account != "1":
            return ()
        now, self.listing = self.now, self.calls
        if self.dates:
            self.operator.hear(now)
        ours = [m.show(now) for m in self.machines.values() if m.listed <= now < m.leaves]
        return (*STRANGERS, *ours)

    def _get(self, effect: e.GetInstance) -> Instance | None:
        if self.account != "1":
            return None
        made = self.machines.get(effect.instance_id)
        if made is not None and made.found <= self.now < made.leaves:
            return made.show(self.now)
        return BY_ID.get(effect.instance_id)

    def _search(self, effect: e.Search) -> tuple[Offer, ...]:
        offers = as_bids(self.offers) if effect.launch.market is Market.INTERRUPTIBLE else self.offers
        self.acting.shown |= {o.id: o for o in offers}
        if not self.paid:
            return offers
        taken = {m.offer for m in self.paid.values()}
        return tuple(o for o in offers if o.id not in taken)

    def _create(self, effect: e.Create) -> int:
        order = effect.order
        if not all(order.env.get(name, "").isdecimal() and int(order.env[name]) > 0 for name in LIMITS):
            raise Violation("a create call of a machine that would not stop by itself")
        if all(i.token != order.mark.token for i in self.state.intents):
            raise Violation("a create call without a durable intent")
        if len(self.paid) + self.pending - self._hardly_ours() >= self.allowed:
            raise Violation(f"a create call while {len(self.paid)} are paid and {self.pending} may be")
        self._may_rent(order)
        self.changes += 1
        kind = self.kind
        if kind == "late" or (kind == "taken-late" and self.beyond):
            raise self._put_off(order, self.acting)
        if kind == "taken-late":
            raise OfferGone("no_such_ask")
        if kind == "duplicate" and (self.beyond or self._alone()):
            self.allowed += self.beyond
            self._make(order)
        return self._make(order)

    def _may_rent(self, order: CreateOrder) -> None:
        """A create is for another machine than those of ours, at a price below the cap, and within the budget."""
        wanted, machine = self.acting.wanted, order.offer_id + 1000
        assert wanted is not None
        before = takewhile(lambda intent: intent.token != order.mark.token, self.state.intents)  # the later gives way
        held = {intent.machine_id for intent in before if not intent.gone}
        if machine in held | {record.machine_id for record in self.state.records if record.id in self.paid}:
            raise Violation(f"a create call on machine {machine}, where an instance of ours is")
        bid, listed = order.launch.bid, self.acting.shown[order.offer_id]  # a host may ask for more since
        price = listed.dph_total if bid is None else bid + DISK
        if price > wanted.criteria.max_dph:
            raise Violation(f"a create call for ${price}/h, above the cap")
        rented = [made for made in self.acting.rented.values() if made.trouble != "removed"]
        if wanted.max_cost is not None and len(rented) >= WITHIN_BUDGET:
            raise Violation("a create call beyond plan/max_cost")
        if len(self.acting.unpulled) >= MOST_UNPULLED:
            raise Violation("a create call after the image could not be pulled on several hosts")

    def _price(self, order: CreateOrder) -> float:
        bids = order.launch.market is Market.INTERRUPTIBLE
        offers = as_bids(self.offers) if bids else self.offers
        listed = next((o for o in offers if o.id == order.offer_id), None)
        if order.launch.bid is not None:
            return order.launch.bid + DISK
        return listed.dph_total if listed is not None else 0.0

    def _alone(self) -> bool:
        """Whether no other instance is paid and no other create is under way, or may be: by another operator."""
        return len(self.paid) + self.pending == 0 and len(self.state.intents) == 1 and self.operators == 1

    def _put_off(self, order: CreateOrder, actor: Actor) -> ErtError:
        """It takes effect later than the answer; only beyond the contract after the settle time, or after a no."""
        kind, delay = self.kind, self.strength if self.beyond else min(self.strength, LATEST)
        lies = kind == "taken-late" or delay > LATEST
        self.took = min(30.0, delay)
        self.pending += 1
        self.allowed += lies
        if lies:
            self.overdue = max(self.overdue, self.now + delay)
        self.later(delay, self._land, (order, actor))
        return OutcomeUnknown(kind) if kind == "late" else OfferGone(kind)

    def _land(self, what: tuple[CreateOrder, Actor]) -> None:
        self.pending -= 1
        self.kind = ""  # whatever strikes the call of this moment has nothing to do with it
        self._make(*what)

    def _make(self, order: CreateOrder, actor: Actor | None = None) -> int:
        kind, price = self.kind, self._price(order)
        clash = any(m.offer == order.offer_id and not m.halted for m in self.paid.values())
        made = self._add(order, price * 3 if kind == "overpriced" else price)
        if clash:
            made.trouble = "clash"  # the provider rents one offer twice, and the second dies of the ports of the first
        elif self.limited:
            made.trouble, made.halted = "unpulled", True
        (actor or self.acting).rented[order.mark.token] = made
        if kind in ("hidden", "hidden-by-id"):
            made.listed = self.now + self.strength
            made.found = made.listed if kind == "hidden-by-id" else self.now
        return made.id

    def _add(self, order: CreateOrder, price: float) -> Machine:
        self.numbers += 1
        made = Machine(self.numbers, order, self.now, price)
        self.machines[made.id] = self.paid[made.id] = made
        self.most_paid = max(self.most_paid, len(self.paid))
        if len(self.paid) - self._hardly_ours() > self.allowed:
            raise Violation(f"{len(self.paid)} are paid at once")
        return made

    def _destroy(self, effect: e.DestroyInstance) -> None:
        number = effect.instance_id
        self.changes += 1
        if number in BY_ID:
            raise Violation(f"instance {number} was not ours to destroy")
        by_marks = self.operator.down and self.operator.storeless
        if number in self.paid and not by_marks and all(t.id != number for t in self.state.tombstones):
            raise Violation(f"instance {number} is destroyed without a tombstone")
        if number in self.paid and self._unsure(self.paid[number]):
            raise Violation(f"instance {number} shows no environment of ours and is destroyed without a question")
        if self.kind == "late":
            self.took = 30.0
            self.later(self.strength, self._end, number)
            raise Transient("timeout")
        self._end(number, self.strength if self.kind in ("lingers", "ghost") else 0.0)

    def _unsure(self, made: Machine) -> bool:
        """Whether the newest listing shows nothing of ours in its environment, and no person has decided."""
        seen = not made.environed and made.edited < self.listing and self.operators == 1
        return seen and made.id not in self.state.claims.adopted

    def _given_up(self, tombstones: list[Tombstone]) -> None:
        actor = self.acting
        for tombstone in tombstones:
            if actor.must_keep_serving():
                self._leaves_no_app_alone(tombstone.id)
            made = actor.rented.get(tombstone.token)
            if made is not None and "toomanyrequests" in tombstone.reason:
                actor.unpulled.add(made.offer)

    def _leaves_no_app_alone(self, number: int) -> None:
        """`up`, `wake` and `sleep` give nothing up that answers and that an app runs with."""
        made = self.paid.get(number)
        if made is None or made.halted:
            return
        url = Secret(f"https://{HOST}:{made.port}")
        for service in self.services.values():
            if made.answer(self.now) is made.healthy and service.used.get(NAMES.url) == url:
                raise Violation(f"instance {number} is given up while {service.name} runs with it")

    def _end(self, number: int, lingers: float = 0.0) -> None:
        made = self.paid.pop(number, None)
        if made is not None:
            made.ends, made.leaves = self.now, self.now + lingers

    @rarely
    def _power_on(self, effect: e.StartInstance) -> None:
        self.changes += 1
        record = self.state.record(effect.instance_id)
        entombed = any(t.id == effect.instance_id for t in self.state.tombstones)
        if effect.instance_id in self.paid and not entombed and (record is None or not record.woken):
            raise Violation(f"instance {effect.instance_id} is started, and nobody wrote that down")
        if not self.beyond and record is not None and record.woken > LONG_AGO and self.now - record.woken > 62.0:
            raise Violation(f"instance {effect.instance_id} is started by one who did not win the write")
        made, kind = self._ours(effect.instance_id), self.kind
        if made.trouble == "unpulled":
            raise Violation(f"instance {made.id} is started, and its image could not be pulled")
        if kind == "late":
            self.took = 30.0
            self.coming = max(self.coming, self.now + self.strength)
            self.later(self.strength, self._come_on, made)
            raise Transient("timeout")
        if kind == "queued" and made.halted:
            made.queued = True
            self.coming = max(self.coming, self.now + self.strength)
            self.later(self.strength, self._from_the_queue, made)
        if made.taken or made.expired or kind == "queued":
            raise StartRefused("resources_unavailable")
        self._come_on(made, MOVE if kind == "moves" else 0)
        if kind == "stuck":
            made.trouble = "stuck"

    def _come_on(self, made: Machine, moves: int = 0) -> None:
        if made.id in self.paid and not (made.taken or made.expired):
            made.wake(self.now, moves)

    def _from_the_queue(self, made: Machine) -> None:
        if made.queued:
            made.taken = False
            self._come_on(made)

    @rarely
    def _power_off(self, effect: e.StopInstance) -> None:
        made = self._ours(effect.instance_id)
        self.changes += not made.halted or made.queued or made.outbid
        if self.kind == "late":
            self.took = 30.0
            self.overdue = max(self.overdue, self.now + self.strength)
            self.later(self.strength, self._go_off, made)
            raise Transient("timeout")
        if self.kind == "acts late":
            self.overdue = max(self.overdue, self.now + self.strength)
            self.later(self.strength, self._go_off, made)
            return
        made.halt(self.now, self.strength if self.kind == "lingers" else 0.0)

    def _go_off(self, made: Machine) -> None:
        made.halt(self.now)

    def _ours(self, number: int) -> Machine:
        if number in BY_ID:
            raise Violation(f"instance {number} was not ours to start or stop")
        made = self.machines[number]
        if made.ends <= self.now:
            raise Transient("no such instance")
        return made

    def running(self) -> list[int]:
        """The instances whose GPU is paid now."""
        return [made.id for made in self.paid.values() if not made.halted]

    @rarely
    def _busy(self, _: e.Busy) -> int:
        return int(self.kind == "busy")

    def _at(self, address: Address) -> Machine | None:
        """The machine that answers at an address."""
        made = self.paid.get((address.port - PORT_BASE) % MOVE)
        return made if made is not None and not made.halted and made.port == address.port else None

    def _probe(self, effect: e.Probe) -> Health:
        made = self._at(effect.address)
        if made is None or self.kind == "silent":
            return UNREACHABLE
        if not made.environed and made.answer(self.now) is made.healthy:
            return IMPOSTOR  # nobody has the boot secret any more, with which it could prove itself
        return made.answer(self.now)

    def _accepts(self, effect: e.Accepts) -> bool:
        return effect.key.sha256() in self._holder(effect).keys

    def _holder(self, effect: e.Accepts | e.KeysInForce | e.SetKeys) -> Machine:
        """The machine at that address that holds that certificate."""
        made = self._at(effect.address)
        if made is None or made.certificate != effect.certificate or made.trouble:
            raise Transient("no line to the holder of that certificate")
        return made

    @rarely
    def _keys(self, effect: e.KeysInForce) -> tuple[int, tuple[str, ...]]:
        made = self._holder(effect)
        return made.generation, made.keys

    @rarely
    def _set_keys(self, effect: e.SetKeys) -> None:
        made = self._holder(effect)
        if (effect.generation, set(effect.hashes)) == (made.generation, set(made.keys)):
            return
        if effect.generation <= made.generation:
            raise StateConflict("stale")
        self.changes += 1
        if made.boot_secret != effect.boot_secret:
            raise Violation("keys are set with the boot secret of another machine")
        record = self.state.record(made.id)
        entombed = any(t.id == made.id for t in self.state.tombstones)  # by another one, since then
        if not entombed and (record is None or not record.asked):
            raise Violation("keys are set, and nobody wrote that down")
        for service in self.services.values() if not self.beyond else ():
            if not service.in_use(Secret(effect.address.url()), self.now - DRAIN) <= {*effect.hashes}:
                raise Violation(f"{service.name} is still using a key that its backend is to take no more")
        made.keys, made.generation = effect.hashes, effect.generation

    # The state.

    def _save(self, effect: e.Save) -> State:
        state = effect.state
        if state.generation != self.state.generation:
            raise StateConflict("somebody wrote")
        if state.tombstones:
            before = {t.id for t in self.state.tombstones}
            self._given_up([t for t in state.tombstones if t.id not in before])
        self.state = State(  # spelt out: `replace` takes three times as long, and this runs at every write
            state.deployment, state.generation + 1, state.intents, state.records, state.tombstones, state.denied,
            state.rollouts, state.account, state.claims, state.begun,
        )  # fmt: skip
        return self.state

    # The web host.

    def _put(self, effect: e.PutEnv) -> None:
        if effect.name not in OWNED:
            raise Violation(f"{effect.name} is not ours to write")
        self.changes += 1
        self.services[effect.service_id].env[effect.name] = effect.value

    def _delete(self, effect: e.DeleteEnv) -> None:
        if effect.name not in OWNED:
            raise Violation(f"{effect.name} is not ours to delete")
        self.changes += 1
        self.services[effect.service_id].env.pop(effect.name, None)

    def _deploy(self, effect: e.StartDeploy) -> WebDeploy | None:
        service = self.services[effect.service_id]
        self.changes += 1
        made = self._start(service, fails=self.kind == "fails")
        if self.kind == "superseded" and made is not None:
            service.mark(made, "canceled", DeployKind.REPLACED)
            self._start(service, fails=False)
        return made if self.kind != "empty" else None

    def _start(self, service: Service, *, fails: bool) -> WebDeploy | None:
        """As anybody may: a push, the dashboard, our own call. One that has to queue has no id yet."""
        if service.in_flight() is not None:
            service.queued = True
            return None
        self.numbers += 1
        made = service.start(self.numbers, self.now, fails)
        self.later(DEPLOY_TAKES, self._deployed, (service, made.id))
        return made

    def _deployed(self, what: tuple[Service, str]) -> None:
        service = what[0]
        if service.end(what[1], self.now):
            self._start(service, fails=False)
        for made in () if self.beyond else self.paid.values():
            # Where keys were never changed, two that rented at once may have left the address of one and the key of
            # the other.
            if made.generation and not service.in_use(Secret(f"https://{HOST}:{made.port}"), self.now) <= {*made.keys}:
                raise Violation(f"{service.name} now uses a key that its backend does not take")

    HANDS: ClassVar[dict[type[Any], Hand]] = {
        e.Load: lambda self, _: self.state,
        e.Save: _save,
        e.ReadAccount: lambda self, _: Account(10.0, "dev@example.org", self.account),
        e.ListInstances: _list,
        e.GetInstance: _get,
        e.Search: _search,
        e.Create: _create,
        e.DestroyInstance: _destroy,
        e.StartInstance: _power_on,
        e.StopInstance: _power_off,
        e.Busy: _busy,
        e.Probe: _probe,
        e.Accepts: _accepts,
        e.KeysInForce: _keys,
        e.SetKeys: _set_keys,
        e.FindService: lambda self, x: self.by_name[x.target].seen,
        e.ReadGroups: lambda _, __: {},
        e.ReadEnv: lambda self, x: dict(self.services[x.service_id].env),
        e.PutEnv: _put,
        e.DeleteEnv: _delete,
        e.NewestDeploy: lambda self, x: (self.services[x.service_id].deploys or (None,))[-1],
        e.StartDeploy: _deploy,
        e.GetDeploy: lambda self, x: next(d for d in self.services[x.service_id].deploys if d.id == x.deploy_id),
        e.WhyFailed: lambda _, __: "unhealthy: exited with 1",
        AskApp: lambda _, __: AppAnswer(200),
        e.AppFingerprint: lambda self, x: self.by_url[x.app_url].shown if self.kind != "silent" else None,
    }
