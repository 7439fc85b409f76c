"""Session: one policy on one market. It has the virtual clock, makes the calls and keeps the bill."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.launch.machines import NEVER, Fate, Host
from benchmarks.launch.market import MINUTE, Listing, Market
from benchmarks.launch.parameters import HORIZON
from benchmarks.launch.rental import Rental
from ert_deploy.core.model.observed import Offer

LIST, DESTROY, PROBE = 0.3, 0.5, 0.2  # s of the other calls
CREATE_EVERY = 4.5  # s between two creates: Vast's documented threshold
SLOTS = 2  # rentals at a time that any policy may have


@dataclass(frozen=True, slots=True)
class Launch:
    """Result of one launch: seconds to healthy (`HORIZON` if it never was), $ until then, $/h of the backend."""

    seconds: float
    reached: bool
    money: float
    hourly: float
    rentals: int
    lost: int


class TooManyError(Exception):
    """Raised for a create beyond the slots: no policy may pay for more machines at a time than the product."""


class Session:
    """The clock of one policy, its rentals, and what it was shown."""

    def __init__(self, market: Market, knobs: dict[str, float]) -> None:
        self.market, self.knobs = market, knobs
        self.now = 0.0
        self.rentals: list[Rental] = []
        self.lost = 0
        self._next_create = 0.0
        self._listed: dict[str, Listing] = {}
        self._back: dict[str, float] = {}  # when a machine that was given up is listed again
        self._given_up: dict[str, int] = {}

    @property
    def over(self) -> bool:
        """Whether the launch has taken so long that it counts as failed."""
        return self.now >= HORIZON

    def live(self) -> list[Rental]:
        """Return the rentals that are paid."""
        return [rental for rental in self.rentals if rental.ends == NEVER]

    def search(self) -> list[Offer]:
        """Return the offers that match the criteria of every policy."""
        self.now += self.knobs["search"]
        found = []
        for listing in self.market.on_sale(self.now):
            machine = listing.machine.id
            if self._back.get(machine, 0.0) > self.now:
                continue
            offer, again = listing.offer, self._given_up.get(machine, 0)
            if again:
                offer = replace(offer, id=f"{offer.id}{again}")
            self._listed[offer.id] = listing
            found.append(offer)
        return found

    def listed(self, offer: Offer) -> Offer | None:
        """Return the offer if a search for it still returns it; prices stay as they are."""
        self.now += self.knobs["search"]
        listing = self._listed[offer.id]
        gone = self.now >= listing.shown or self._back.get(listing.machine.id, 0.0) > self.now
        return None if gone else offer

    def host_of(self, offer_id: str) -> Host:
        """Return the operator of an offer that a search has shown."""
        return self._listed[offer_id].machine.host

    def create(self, offer_id: str) -> Rental | None:
        """Rent an offer that a search has shown; None if it was taken. Raises TooManyError beyond the slots."""
        if len(self.live()) >= SLOTS:
            raise TooManyError
        self.now = max(self.now, self._next_create) + self.knobs["create"]
        self._next_create = self.now + CREATE_EVERY
        listing = self._listed[offer_id]
        taken = not listing.start <= self.now < listing.end
        gone = self.now >= listing.shown or self._back.get(listing.machine.id, 0.0) > self.now
        if gone or (taken and not listing.clash):
            self.lost += 1
            return None
        fate = Fate.CLASH if taken else listing.machine.fate
        made = Rental(len(self.rentals) + 1, listing.machine, listing.offer.dph_total, self.now, fate)
        self.rentals.append(made)
        self._back[listing.machine.id] = NEVER
        return made

    def destroy(self, rental: Rental) -> None:
        """End a rental. Its machine comes back to the market later, under another id."""
        if rental.ends == NEVER:
            self.now += DESTROY
            rental.ends = self.now
            machine = rental.machine.id
            self._back[machine] = self.now + self.knobs["relist"] * MINUTE
            self._given_up[machine] = self._given_up.get(machine, 0) + 1

    def poll(self, watched: Iterable[Rental], until: float, every: float) -> None:
        """Wait to the first poll that returns a change of one of them, or to `until`."""
        change = min((at for rental in watched for at in rental.changes if at > self.now), default=NEVER)
        until = min(max(until, self.now), HORIZON)
        polls = max(1, -int(-(change - self.now) // every)) if change < until else 0
        self.now = min(self.now + polls * every, until) if polls else until

    def bill(self) -> float:
        """Return the $ of all rentals until now."""
        return sum(rental.bill(self.now) for rental in self.rentals)

    def finish(self, winner: Rental | None, seen: float) -> Launch:
        """End the launch: the others are destroyed, and the bill of the winner stops when it was seen healthy."""
        for rental in self.live():
            if rental is not winner:
                self.destroy(rental)
        seen = min(seen, HORIZON)
        if winner is None or not winner.is_healthy(seen) or winner.ends <= seen:
            return Launch(HORIZON, False, self.bill(), 0.0, len(self.rentals), self.lost)
        money = sum(rental.bill(seen if rental is winner else self.now) for rental in self.rentals)
        return Launch(seen, True, money, winner.price, len(self.rentals), self.lost)
