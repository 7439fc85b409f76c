"""`advise`: what other values of the idle stop would have cost on the deployment's own history. Calls no provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from ert_deploy.app.deployment import Config, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.tending.prices import prices_of
from ert_deploy.core.idle.advice import Advice, advise, too_little
from ert_deploy.core.idle.history import Uses, uses
from ert_deploy.core.model.errors import Failed, UsageError

__all__ = ["Advice", "Advised", "advise_idle"]

LARGEST = 10_000_000  # characters of a file of requests


@dataclass(frozen=True, slots=True)
class Advised:
    """The recommendation, where the history is stored, how its times are marked, and what it was measured on.

    `assumed` names each price that no event has. `own`: the requests are the starts in the history, and not of a file.
    """

    deployment: str
    where: str
    zone: str
    advice: Advice
    uses: Uses
    assumed: tuple[str, ...]
    own: bool
    idle_stop: int


def advise_idle(
    config: Config = None, *, requests: Path | None = None, wait_price: float | None = None, budget: float = 0.0
) -> Advised:
    """Replay the history on several policies. `requests` is a file with one Unix time in each line instead.

    `wait_price` is in $ per minute, None for that of the config; `budget` in $ a day for early starts. Raises
    UsageError, Failed where too little is known, `Damaged`, and as the store does.
    """
    deployment = opened(config)
    rented_only(deployment, "cost advise")
    store = deployment.keeper()
    found = uses(store.load().history)
    wanted = found.wanted if requests is None else _times(requests)
    if why := too_little(wanted):
        raise Failed(why, hint="use it for longer, or name a file with the times of all requests: --requests FILE")
    idle_stop = deployment.settings.desired.launch.guard.idle_stop
    if requests is None and not idle_stop:
        raise Failed(
            "launch/guard/idle_stop is 0: a machine that never stops has no history of when it was wanted",
            hint="name a file with the times of all requests: --requests FILE",
        )
    prices, assumed = prices_of(deployment, found)
    prices = prices if wait_price is None else replace(prices, wait_price=wait_price)
    floor = float(idle_stop) if requests is None else 0.0
    advice = advise(wanted, prices, idle_stop=idle_stop, budget=budget, floor=floor)
    return Advised(deployment.name, store.where, deployment.zone, advice, found, assumed, requests is None, idle_stop)


def _times(path: Path) -> Sequence[float]:
    """Return the Unix times in a file, sorted. Raises UsageError with the line that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}", hint="one Unix time in each line") from None
    if len(text) > LARGEST:
        raise UsageError(f"{path} has more than {LARGEST:,} characters", hint="leave out the oldest requests")
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    return sorted(chain.from_iterable(_time(path, number, line) for number, line in lines))


def _time(path: Path, number: int, line: str) -> tuple[float]:
    try:
        at = float(line)
    except ValueError:
        at = -1.0
    if not 0 < at < 1e11:
        raise UsageError(f"{path}, line {number}: not a Unix time", hint="seconds since 1970, such as 1767225600")
    return (at,)
