"""Search of offers, with the reasons why none matches, and the wait for one at growing intervals."""

from __future__ import annotations

from ert_deploy.core.model.desired import Desired, Market
from ert_deploy.core.model.errors import CannotObserve, Failed, UsageError
from ert_deploy.core.model.events import Trouble, Waiting
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.planning.nearest import nearest
from ert_deploy.core.planning.offers import Choice, merged
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import Audience, Clock, GpuHost

# Seconds between two searches while none matches. One takes at most a few of the 10 calls that Vast.ai allows a minute.
SHORTEST_WAIT = 30.0
LONGEST_WAIT = 300.0
GROWTH = 1.5


class NoneMatches(UsageError):
    """No offer matches the config at present."""


class AllTried(Failed):
    """Every offer that matches has been tried."""


def on_the_market(desired: Desired) -> Effects[tuple[Offer, ...]]:
    """Return the offers of a search with all filters, and of one almost without.

    The server's filters hide some offers that match all of them, and offers that do not match are needed to count the
    exclusions by each filter.
    """
    found = yield from ask(GpuHost.search, desired.criteria, desired.launch)
    try:
        wide = yield from ask(GpuHost.search, desired.criteria, desired.launch, wide=True)
    except CannotObserve as error:
        if not found:
            raise
        yield from ask(Audience.tell, Trouble("a search with fewer filters", error.summary))
        return found
    return merged(found, wide)


def none_matches(choice: Choice, desired: Desired) -> NoneMatches:
    """Return the error with the number of offers excluded by each filter, and what would have matched."""
    looked = len(choice.rejected)
    hint = "loosen the filter that removes most, in the `offer` section of the config"
    if desired.launch.market is Market.INTERRUPTIBLE:
        hint += "; a contract costs launch/bid and the disk"
    rows = [f"  {count:3d} of {looked} removed by {name}" for name, count in choice.removed_by()]
    would = [f"  {one.line()}" for one in nearest(choice.rejected, desired)]
    rows += ["would have matched:", *would] if would else []
    return NoneMatches(
        f"no offer matches (of {looked})",
        "\n".join(rows),
        hint if rows else "try again later",
    )


def wait_for_offer(error: NoneMatches | AllTried, wanted: float, now: float, memory: RunMemory) -> Effects[None]:
    """Wait before the next search, at most `wanted` seconds in all since the first wait. Raises `error` after that."""
    began = memory.waits[0] if memory.waits else now
    left = began + wanted - now
    if left <= 0:
        raise error
    pause = min(left, LONGEST_WAIT, SHORTEST_WAIT * GROWTH ** min(len(memory.waits), 20))
    memory.waits.append(now)
    yield from ask(Audience.tell, Waiting(f"an offer: {error.summary}", left))
    yield from ask(Clock.sleep, pause)
