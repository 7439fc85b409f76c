"""Knobs of the idle benchmark: value, sweep and source of each price, and the policies that are compared.

"Assumed" marks what no public source gives. The constants of the policies were chosen on synthetic patterns with
numbers from 500,000 on; those of the page begin at 0, and the trace was not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ert_deploy.core.idle.hours import Window
from ert_deploy.core.idle.policy import TRUST, BreakEven, Fixed, Learned, Policy, Schedule
from ert_deploy.core.idle.prices import HOUR, Prices, Taken

WORK = 90.0  # s of one request: the middle of the 30 to 120 s that a report may take
BUDGET = 2.0  # $ a day for early starts
SHARES = (1.0, 0.2, 0.05)  # of the trace's traffic
RUNS = 20  # of each pattern
OFFICE = Window(frozenset(range(5)), 9 * HOUR, 18 * HOUR)
TRUST_KNOB = "trust"
TODAY, EVEN, PLAIN, AT_STARTS, PRODUCT, DECLARED = (
    "fixed 20 min", "break-even", "past idle times", "past, set at starts", "ert-deploy", "schedule, 9 to 18",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Knob:
    """One number of the model with its unit, the values that it is swept over, and its source."""

    name: str
    value: float
    unit: str
    sweep: tuple[float, ...]
    source: str


_P = Prices()
KNOBS = (
    Knob("gpu", _P.gpu, "$/h", (0.2, 0.8), "running, with its disk: RTX 4090 $0.40 (cheapest of a catalogue, 2026)"),
    Knob(
        "disk", _P.disk, "$/h", (0.0, 0.02, 0.044),
        "stopped: 40 GB at $0.15 per GB and month (Vast's own specification); $0.044/h: pollinations#14985",
    ),
    Knob("kept", _P.kept, "s", (60.0, 300.0), "start with the disk: 45 + 30 + 71 s (knobs of the launch benchmark)"),
    Knob("anew", _P.anew, "s", (300.0, 1800.0), "start of another machine: p50 of the launch benchmark, busy"),
    Knob("notice", _P.refused, "s", (10.0, 600.0), "until a taken GPU is noticed: `timings/start_lag`; at most 600 s"),
    Knob("fetch", _P.fetch, "$", (0.0, 0.2), "traffic of another machine: 17.8 GB at $0.004 (ccir.io/vast)"),
    Knob("wait price", _P.wait_price, "$/min", (0.01, 0.02, 0.1, 0.3), "a minute of waiting: ADR 49"),
    Knob(
        "taken", _P.taken.limit, "", (0.1, 0.5, 0.95),
        "share of GPUs that are taken after hours: listed in a median of 17 % of 6 h (brandonros/vastai-scraper)",
    ),
    Knob("taken after", _P.taken.after / HOUR, "h", (0.5, 12.0), "how fast that share rises. Assumed"),
    Knob(TRUST_KNOB, TRUST, "", (0.25, 1.0), "range around break-even; worst case 1 + 1/trust"),
)  # fmt: skip


def prices(changed: Mapping[str, float]) -> Prices:
    """Return the prices with some knobs changed. Raises KeyError for a name that no knob has."""
    known = {knob.name: knob.value for knob in KNOBS}
    for name, value in changed.items():
        if name not in known:
            raise KeyError(f"no knob is called {name!r}")
        known[name] = value
    return Prices(
        gpu=known["gpu"],
        disk=known["disk"],
        kept=known["kept"],
        anew=known["anew"],
        refused=known["notice"],
        fetch=known["fetch"],
        wait_price=known["wait price"],
        taken=Taken(known["taken"], known["taken after"] * HOUR),
    )


def policies(trust: float) -> Mapping[str, Policy]:
    """Return the policies by name; none knows the pattern that it is judged on, but for the declared schedule."""
    return {
        TODAY: Fixed(1200.0),
        EVEN: BreakEven(),
        PLAIN: Learned(trust),
        AT_STARTS: Learned(trust),
        PRODUCT: Learned(trust, BUDGET),
        DECLARED: Schedule((OFFICE,)),
    }
