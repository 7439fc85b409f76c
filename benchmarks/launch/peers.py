"""Player of the peers' rules on one session, and the oracle that knows what becomes of each machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from benchmarks.launch.parameters import HORIZON
from benchmarks.launch.rental import MESSAGES, Rental
from benchmarks.launch.rules import Rule
from benchmarks.launch.session import Launch, Session
from ert_deploy.core.model.observed import Offer

ORACLE_STEP = 60.0
ROUNDING = 1e-7  # s after the start of a listing, so that a search at that time has it
NOTHING_LISTED = 30.0  # s until the next search after one without a usable offer
FAILURES = tuple(MESSAGES.values())
LEAST_LOCATIONS = 2  # below this many, a policy that avoids places forgets which


@dataclass(slots=True)
class Candidate:
    """One rental as its policy sees it: since when it runs and since when its port is open."""

    rental: Rental
    offer: Offer
    running: float = math.inf
    port: float = math.inf

    def place(self, apart: str) -> str:
        """Return what two candidates of a policy must not share."""
        host = self.rental.machine.host
        return {"host": host.id, "country": host.country}.get(apart, self.offer.machine_id)

    def look(self, now: float) -> None:
        """Note what a poll returns."""
        if self.running == math.inf and self.rental.status(now) == "running":
            self.running = now
        if self.port == math.inf and self.rental.reachable(now):
            self.port = now

    def until(self, rule: Rule) -> float:
        """Return when it is given up if nothing changes."""
        if self.running == math.inf:
            return self.rental.made + rule.running_within(self.offer)
        unanswered = self.running + rule.port_within if self.port == math.inf else math.inf
        return min(unanswered, self.running + rule.healthy_within)

    def failed(self, rule: Rule, now: float) -> bool:
        """Whether the policy gives it up now."""
        seen = rule.reads_message and self.rental.message(now) in FAILURES
        return seen or self.rental.status(now) in rule.terminal or now >= self.until(rule)


@dataclass(slots=True)
class Play:
    """One policy at work: its candidates, the machines that it does not try again, the places that it avoids."""

    session: Session
    rule: Rule
    live: list[Candidate] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    avoided: set[str] = field(default_factory=set)
    chosen: Candidate | None = None
    failures: int = 0

    def run(self) -> Launch:
        """Launch until a backend is healthy or the time is over."""
        while not self.session.over:
            wanted = self.rule.slots - len(self.live) if self.rule.refills or not self.live else 0
            if wanted and self.chosen is None:
                self._rent(wanted)
            if not self.live:
                self.session.now += NOTHING_LISTED
                continue
            rentals, until = [c.rental for c in self.live], min(c.until(self.rule) for c in self.live)
            if self.rule.refills and len(self.live) < self.rule.slots and self.chosen is None:
                until = min(until, self.session.now + NOTHING_LISTED)
            self.session.poll(rentals, until, self.rule.every)
            if (winner := self._look()) is not None:
                return self.session.finish(winner, self.session.now)
        return self.session.finish(None, HORIZON)

    def _look(self) -> Rental | None:
        now = self.session.now
        for candidate in self.live:
            candidate.look(now)
            if candidate.rental.is_healthy(now):
                return candidate.rental
        if self.rule.decides and self.chosen is None:
            self._decide()
        for candidate in list(self.live):
            if candidate.failed(self.rule, self.session.now):
                self._give_up(candidate)
        return None

    def _decide(self) -> None:
        """Keep the first candidate whose port is open, and destroy the others."""
        self.chosen = next((c for c in self.live if c.port < math.inf), None)
        if self.chosen is not None:
            self.failures = 0
            for other in [c for c in self.live if c is not self.chosen]:
                self.session.destroy(other.rental)
            self.live = [self.chosen]

    def _give_up(self, candidate: Candidate) -> None:
        self.session.destroy(candidate.rental)
        self.live.remove(candidate)
        self.chosen = None if candidate is self.chosen else self.chosen
        if self.rule.blocks:
            self.blocked.add(candidate.offer.machine_id)
        if self.rule.avoids:
            self.avoided.add(candidate.place(self.rule.apart))
        self.session.now += self.rule.pause
        if not self.live:
            self.failures += 1
            if self.rule.breaker and self.failures >= self.rule.breaker:
                self.session.now += self.rule.breaker_pause
                self.failures = 0

    def _rent(self, wanted: int) -> None:
        """Rent so many of the best offers; one that was taken is followed by the next."""
        offers = sorted(self.session.search(), key=self.rule.order)
        free = [offer for offer in offers if offer.machine_id not in self.blocked]
        if self.rule.avoids:
            free = self._elsewhere(free)
        for offer in free:
            if not wanted or self.session.over:
                return
            if self._place(offer) in {c.place(self.rule.apart) for c in self.live}:
                continue
            rental = self.session.create(offer.id)
            if rental is not None:
                self.live.append(Candidate(rental, offer))
                wanted -= 1

    def _elsewhere(self, offers: list[Offer]) -> list[Offer]:
        """Return the offers outside the avoided places, or all, once fewer than two places are left."""
        left = {place for offer in offers if (place := self._place(offer)) not in self.avoided}
        if len(left) < LEAST_LOCATIONS:
            self.avoided.clear()
        return [offer for offer in offers if self._place(offer) not in self.avoided]

    def _place(self, offer: Offer) -> str:
        host = self.session.host_of(offer.id)
        return {"host": host.id, "country": host.country}.get(self.rule.apart, offer.machine_id)


def play(session: Session, rule: Rule) -> Launch:
    """Run one peer's policy on a session."""
    return Play(session, rule).run()


def oracle(session: Session) -> Launch:
    """Return the launch of one who knows each machine's fate: one search, one create, healthy as soon as possible.

    It has two slots like the product and never needs the second one. No policy can be earlier on the same market.
    """
    searched = session.knobs["search"]
    best, chosen, known = HORIZON, None, 0
    until = searched
    while until <= best:  # what is listed later than the best so far is healthy can be no better
        listings = session.market.all_until(until)
        for listing in listings[known:]:
            made = max(listing.start, searched) + session.knobs["create"]
            if made < listing.end and made + listing.machine.healthy < best:
                best, chosen = made + listing.machine.healthy, listing
        known, until = len(listings), until + ORACLE_STEP
    if chosen is None:
        return session.finish(None, HORIZON)
    session.now = max(chosen.start, searched) - searched + ROUNDING
    session.search()
    rental = session.create(chosen.offer.id)
    assert rental is not None, "it knows that the offer is still there"
    session.now = rental.made + rental.healthy
    return session.finish(rental, session.now)
