"""Page of the launch benchmark: `docs/bench-launch.md`, written from the measured figures and from the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.launch import tables
from benchmarks.launch.claims import BAD_DAY, Claim, Found, grid_claim
from benchmarks.launch.gains import SURE, sureness
from benchmarks.launch.parameters import GRID, HEDGING_GAIN, HORIZON, VERIFIED_ONLY
from benchmarks.launch.parts import PEER_TIMES
from benchmarks.markdown import printed

COMMAND = "make bench-launch"
GRID_TITLE = "## The grid of the bad day"
SWEEP_TITLE = "## Sensitivity"
MODEL = (
    "**This is a model, not a measurement of Vast.** Its market is generated from the parameters below; no GPU was "
    "rented for it, and a figure here is how the policies compare on such a market, not how long a launch takes."
)
HOURS = f"{HORIZON / 3600:g}"
RULES = f"""\
Every policy is run on the same markets: the same offers, machines, prices and fates, by number. Each gets what a search
and what a poll returns, never what will become of a machine; only the oracle knows that. `ert-deploy` is the
engine and the plan of this repository behind ports on a virtual clock, with its default config, `launch/hedge: 2`,
`launch/prefer: time` and nothing remembered from earlier launches. Creates are 4.5 s apart, no policy has more than
two machines at a time, and the criteria are the same for all: $0.60/h, reliability 0.90, 200 Mb/s, $0.02/GB, and hosts
that are verified ({", ".join(mood for mood, only in VERIFIED_ONLY.items() if only)}) or not ({BAD_DAY}, when hardly one
is left).

A launch ends when the policy sees a healthy backend. One that sees none within {HOURS} hours has failed and counts
with that time. *Reach* is the share of the others. Money is the bill of all machines until then, destroyed ones and
failed launches included, for each healthy launch; *with 2 h* adds two planned hours on the machine that was found.
"""
BOUND = """\
The bound knows the true distribution of the market
and not the outcome: two slots, offers in the order of their true chance to be in time, a machine's speed known with the
first layer of its pull, each failure in the instant in which it happens. No policy that sees what a poll returns has a
better share of launches in time, but for luck in the order.
"""
LEFT_OUT = """\
- Errors of the APIs, lost responses and crashes of the process: the simulator plays those (`make simulate`).
- Bids. SpotHedge's spread is played on demand, as are all others.
- Speeds that change during a download, and the registry's and the model library's own limits.
- What a deployment has learned from its earlier launches: each launch is its first.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """All figures of one run: launches of each policy in each mood and for each swept value, and in each point."""

    launches: int
    grid_launches: int
    sweep_launches: int
    moods: Found
    points: Found
    swept: Found
    claims: Sequence[Claim]
    bounds: Mapping[str, tuple[float, float]]


def write(run: Run) -> str:
    """Return the page."""
    parts = [
        "# Launch policies on a model of the market", MODEL,
        f"`{_command(run)}` prints these figures again; `--write` in FLAGS writes this page. "
        f"{run.launches:,} launches of each policy in each mood.",
        "![Minutes to a healthy backend](bench-launch.svg)", "## Results", RULES,
        BOUND, tables.bounds(run.moods, run.bounds),
        *(f"### {case.mood.capitalize()}\n\n{tables.results(tallies)}" for case, tallies in run.moods.items()),
        "## Targets", "They were fixed together with the parameters, before a policy existed.",
        tables.targets(run.claims),
    ]  # fmt: skip
    if run.points:
        parts += [GRID_TITLE, *grid_section(run.points, run.grid_launches)]
    if run.swept:
        parts += [SWEEP_TITLE, *sweep_section(run.swept, run.sweep_launches)]
    return "\n\n".join([*parts, *constant_parts()]) + "\n"


def grid_section(points: Found, launches: int) -> tuple[str, ...]:
    """Return the paragraphs and tables about these points, with so many launches of the product in each point."""
    names, sure = list(GRID), sureness(points)
    least, most = sure.reached / len(points), 1.0 - sure.missed / len(points)
    return (
        f"The p95 of the best hedging peer over that of ert-deploy: {launches:,} launches of ert-deploy in each cell, "
        f"and {launches * PEER_TIMES:,} of each hedging peer on the same markets and on further ones. "
        f"Down: *{names[0]}*, *{names[1]}*; across: *{names[2]}*, *{names[3]}*. "
        f'`{COMMAND} FLAGS="--grid {launches} --sweep 0 --parts FILE"` prints this section alone, keeps what was run '
        "in the file and goes on where it was stopped.",
        tables.grid_table(points),
        f"By these launches the gain is at least {HEDGING_GAIN:g} in {sure.reached} of the {len(points)} "
        f"points and less in {sure.missed}, each with {SURE:.0%}; the other {sure.open} are open. So the share is "
        f"between {least:.2f} and {most:.2f}. By the value of one knob:",
        tables.by_knob(points),
    )


def sweep_section(swept: Found, launches: int) -> tuple[str, ...]:
    """Return the paragraph and the table about these markets, with so many launches of the product on each."""
    return (
        f"p95 in minutes on the bad day with one knob changed: {launches:,} launches of ert-deploy, and "
        f"{launches * PEER_TIMES:,} of each other policy on the same markets and on further ones. The first row is the "
        f'bad day by as many. `{COMMAND} FLAGS="--grid 0 --sweep {launches} --parts FILE"` has this section alone.',
        tables.sensitivity(swept),
    )


def grid_summary(points: Found) -> Mapping[str, str]:
    """Return the tables about these points for a terminal, by title."""
    sure = sureness(points)
    return {
        "grid: best hedging peer / ert-deploy, p95": printed(tables.grid_table(points)),
        "by knob": printed(tables.by_knob(points)),
        f"surely at least {HEDGING_GAIN:g}: {sure.reached}, surely less: {sure.missed}, open: {sure.open}": "",
        "target": printed(tables.targets((grid_claim(points),))),
    }


def sweep_summary(swept: Found) -> Mapping[str, str]:
    """Return the table about these markets for a terminal, by title."""
    return {"sensitivity, p95": printed(tables.sensitivity(swept))}


def with_grid(page: str, points: Found, launches: int) -> str:
    """Return the page with another section about these points, and its row of the targets."""
    before, _, after = page.partition(f"{GRID_TITLE}\n")
    section = "\n\n".join(grid_section(points, launches))
    claim = grid_claim(points)
    row = tables.targets((claim,)).splitlines()[-1]
    lines = [row if line.startswith(f"| {claim.text} |") else line for line in before.splitlines()]
    return "\n".join(lines) + f"\n{GRID_TITLE}\n\n{section}\n\n## " + after.partition("\n## ")[2]


def with_sweep(page: str, swept: Found, launches: int) -> str:
    """Return the page with another section about these markets."""
    before, _, after = page.partition(f"{SWEEP_TITLE}\n")
    section = "\n\n".join(sweep_section(swept, launches))
    return f"{before}{SWEEP_TITLE}\n\n{section}\n\n## " + after.partition("\n## ")[2]


def _command(run: Run) -> str:
    return f'{COMMAND} LAUNCHES={run.launches} FLAGS="--grid {run.grid_launches} --sweep {run.sweep_launches}"'


def constant_parts() -> tuple[str, ...]:
    """Return the sections that follow from the code alone: policies, parameters, and what is left out."""
    return (
        "## Policies", tables.policies(),
        "## Parameters", "\"Assumed\" marks what no public source gives.", tables.parameters(),
        "## Left out", LEFT_OUT.rstrip(),
    )  # fmt: skip


def summary(run: Run) -> Mapping[str, str]:
    """Return the tables for a terminal, by title."""
    parts = {case.mood: printed(tables.results(tallies)) for case, tallies in run.moods.items()}
    parts["bound, minutes"] = printed(tables.bounds(run.moods, run.bounds))
    parts["targets"] = printed(tables.targets(run.claims))
    if run.points:
        parts |= grid_summary(run.points)
    if run.swept:
        parts |= sweep_summary(run.swept)
    return parts
