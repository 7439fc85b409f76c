"""Page of the idle benchmark: `docs/bench-idle.md`, written from the measured figures and from the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.idle import tables
from benchmarks.idle.bound import STOPS
from benchmarks.idle.claims import Claim
from benchmarks.idle.knobs import AT_STARTS, BUDGET, DECLARED, PLAIN, PRODUCT, TODAY, WORK
from benchmarks.idle.measure import Found
from benchmarks.idle.patterns import SYNTHETIC, WEEKS
from benchmarks.markdown import printed
from ert_deploy.core.idle.policy import TRUST

COMMAND = "make bench-idle"
MODEL = (
    "**This is a replay on a model of prices, not a bill.** Prices, times and the share of GPUs that are taken are the "
    "knobs below; the requests are those of a public trace or of a stated pattern."
)
RULES = f"""\
A machine runs, is stopped with its disk, or is gone. All policies meet the same requests and the same market: the GPU
of a stopped machine is taken or not by the number of the request. A request takes {WORK:g} s, several at a time. Work
costs the same with every policy and is left out. What counts is the unused GPU, the starts, the kept disks, and every
minute of waiting, for the first request of a start and for those that come while it lasts. The first request of each
pattern waits for a rental, and the time after the last one is billed.

- *Cold*: the share of requests that wait for the machine. *Early*: starts before a request, and of those *unused* the
  ones without a request.
- *Same share*: the ratio to the cheapest fixed time-out with at most the same cold share. It is chosen in hindsight for
  each run, among {len(STOPS)} between a minute and never, and keeps the disk, as `idle_stop` does. The targets are on
  this ratio. *Same, destroys*: also those with a second time, chosen likewise, after which the disk is deleted.
- *Any fixed*: the ratio to the cheapest of all those, whatever its cold share.
- *Bound*: a clairvoyant, which knows every request and which GPU is taken, and does not start a machine before its
  request. A policy that does may cost less.

`{PRODUCT}` is `Learned` of `ert_deploy.core.idle.policy`, with a range of {TRUST:g} (worst case {1 + 1 / TRUST:g} times
the best decision for an idle time) and at most ${BUDGET:g} a day of unused GPU for early starts. It begins each pattern
with no past. `{PLAIN}` is the same without early starts, and with `{AT_STARTS}` no agent runs either: the machine keeps
the numbers of its last start. `{DECLARED}` is told a window, Monday to Friday, on every pattern: right on some, wrong
on the others.
"""
UNTUNED = """\
The constants of `Learned` were chosen on the synthetic patterns with numbers from 500,000 on, and committed before it
was played on the trace. The runs of this page begin at 0, and no constant was changed after the first of them.
"""
TRACE_RULE = """\
The trace is the first nine days of BurstGPT (HPMLL/BurstGPT, CC-BY-4.0) as sessions per hour; the times within an hour
are random, by the number of the run, and each session is kept with the probability of the heading. It is not in the
repository: `make bench-idle TRACE=PATH`, a CSV with `hour,sessions`.
"""
LEFT_OUT = """\
- FaasCache, LCS, IceBreaker and their like: they decide which of many functions to evict, and one deployment has one.
- ServerlessLLM and other quick loaders: they change the time of a start, which is a knob here.
- Queueing: a machine works on all requests at a time. With a queue the machine would be unused less.
- Contract ends, lost bids and failed rentals; those are in the launch benchmark.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """All figures of one run, with the number of runs of each pattern and of each swept value."""

    runs: int
    sweep_runs: int
    found: Found
    swept: Found
    claims: Sequence[Claim]


def write(run: Run) -> str:
    """Return the page."""
    command = f'{COMMAND} TRACE=PATH FLAGS="--runs {run.runs} --sweep {run.sweep_runs}"'
    parts = [
        "# Idle policies on a trace and on patterns", MODEL,
        f"`{command}` prints these figures again; `--write` in FLAGS writes this page.",
        "![Price of an unused machine over its bound](bench-idle.svg)", "## Targets",
        f"Means over {run.runs} runs, the standard deviation between them, and the highest.",
        tables.targets(run.claims), reading(run), UNTUNED.rstrip(), "## Results", RULES.rstrip(),
        *(f"### {case.title.capitalize()}\n\n{tables.results(run.found, case)}" for case in run.found.cases),
    ]  # fmt: skip
    if run.swept.cases:
        parts += [
            "## Sensitivity",
            f"The ratio *same share* and the cold share of `{PRODUCT}` with one knob changed, {run.sweep_runs} runs; "
            f"*none* is the page's value with all of its runs.",
            tables.sensitivity(run.found, run.swept),
        ]
    return "\n\n".join([*parts, *constant_parts()]) + "\n"


def reading(run: Run) -> str:
    """Return what the figures do not show: how sure the means are, what today's time-out does, and other knobs."""
    sure = ", ".join(f"{claim.deviation / math.sqrt(run.runs):.3f}" for claim in run.claims)
    lines = [f"- The standard errors of these means are {sure}: a mean that is within one of its limit may be luck."]
    for claim in run.claims:
        today = run.found.mean(claim.case, TODAY, "same")
        lines.append(f"- {claim.case.title}: `{TODAY}` has {today:.2f}, `{PRODUCT}` {claim.mean:.2f}.")
    limits = {(claim.case.pattern, claim.case.share): claim.limit for claim in run.claims}
    ratios = [(run.swept.mean(case, PRODUCT, "same"), limits[case.pattern, case.share]) for case in run.swept.cases]
    if ratios:
        above = sum(ratio > limit for ratio, limit in ratios)
        lines.append(f"- With other knobs {above} of {len(ratios)} ratios are above the limit of their pattern.")
    return "\n".join(lines)


def constant_parts() -> tuple[str, ...]:
    """Return the sections that follow from the code alone: patterns, knobs, and what is left out."""
    patterns = "\n".join(f"- *{name}*: {(make.__doc__ or '').strip()}" for name, make in SYNTHETIC.items())
    return (
        "## Patterns", TRACE_RULE.rstrip(), f"The synthetic ones have {WEEKS} weeks.", patterns,
        "## Knobs", "\"Assumed\" marks what no public source gives.", tables.knobs(),
        "## Left out", LEFT_OUT.rstrip(),
    )  # fmt: skip


def summary(run: Run) -> Mapping[str, str]:
    """Return the tables for a terminal, by title."""
    parts = {case.title: printed(tables.results(run.found, case)) for case in run.found.cases}
    parts["targets"] = printed(tables.targets(run.claims))
    if run.swept.cases:
        parts["sensitivity"] = printed(tables.sensitivity(run.found, run.swept))
    return parts
