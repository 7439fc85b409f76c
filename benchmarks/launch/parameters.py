"""Parameters of the launch market: one knob per row, with its value in three moods, its sweep and its public source.

They were fixed before any policy was run on them and are not tuned afterwards. "Assumed" marks what no public source
gives; each of those is swept, so that a reader sees how far the result depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOODS = ("calm", "busy", "bad day")
IMAGE_GB, MODEL_GB, DISK_GB = 4.0, 13.8, 40.0  # of the default config: Ollama's image and gpt-oss:20b
PLAN_HOURS = 2.0  # plan/hours of the default config
HORIZON = 3 * 3600.0  # s: a launch that is not healthy by then has failed, and counts with this time
MAX_DPH, MAX_INET_COST = 0.60, 0.02  # $/h and $/GB, of the default config
MIN_RELIABILITY, MIN_INET_DOWN = 0.90, 200.0  # 0-1 and Mb/s: lower than the defaults, so that unverified hosts qualify

SURVEY = "survey of 431 machines in ray-vast 0.3.0 (ray_vast/examples/gpu-24gb.yaml)"
SCRAPE = "brandonros/vastai-scraper docs/analysis.md: 78 scrapes in 6 h, 268 machines of 121 hosts"
ORCH = "klutzydrummer/vastai-llmapi-orchestrator: 18.7 GB in 635 s, hosts of 5 to 80 MB/s whatever they advertise"
KD_ORCH = "kd-orch README: 17 GB at 8 to 20 MB/s; a host that advertises 1,336 Mb/s gives 5 to 11 MB/s"
CCIR = "ccir.io/vast: snapshots of about 1,800 offers"
BOT = "lifehaverdev/stationthisdeluxebot vastai/notes/research.md: running after 30-60 s, a port after 30-60 s more"
INTEGRATION = 'a logged integration run, 2026-01-02 ("Dumont Cloud"): search 1.3 s, create 1.6 s, boot 72.8 s'
QUICKSTART = "Vast quick start: cached image about 30 s, fresh pull 10 to 60 min"


@dataclass(frozen=True, slots=True)
class Knob:
    """One parameter: its value in each mood, the values of the sensitivity sweep on the bad day, and the source."""

    name: str
    calm: float
    busy: float
    bad_day: float
    sweep: tuple[float, ...]
    source: str

    def of(self, mood: str) -> float:
        """Return the value in that mood."""
        return {"calm": self.calm, "busy": self.busy, "bad day": self.bad_day}[mood]


KNOBS = (
    # Offers
    Knob(
        "listed",
        60,
        20,
        20,
        (8, 40),
        f"offers of one GPU at a time. {SCRAPE}: 127 offers, half of one GPU; busy: assumed",
    ),
    Knob("verified", 0.85, 0.60, 0.05, (0.0, 0.30), f"share of verified hosts. Assumed; {CCIR} sell both"),
    Knob(
        "deverified",
        0.05,
        0.15,
        0.40,
        (0.10, 0.70),
        f"share of hosts that lost it; the rest never had it. Assumed; {CCIR}",
    ),
    Knob(
        "datacenter",
        0.30,
        0.30,
        0.30,
        (0.0, 0.6),
        f"share of the verified hosts. {CCIR}: bimodal; the share is assumed",
    ),
    Knob("machines per host", 2.2, 2.2, 2.2, (1.0, 5.0), f"mean. {SCRAPE}"),
    Knob(
        "host share of faults",
        0.5,
        0.5,
        0.5,
        (0.0, 1.0),
        "share of the faults that all machines of a host have. Assumed",
    ),
    # Prices
    Knob(
        "price",
        1.0,
        1.3,
        1.3,
        (0.8, 1.6),
        "times: RTX 3090 $0.20-0.30, RTX 4090 $0.40-0.88 verified (catalogues, 2026)",
    ),
    Knob("price spread", 0.25, 0.30, 0.30, (0.1, 0.5), f"sigma of its logarithm. {SCRAPE}: $0.28 to $1.34, p50 $0.535"),
    Knob(
        "deverified price",
        0.5,
        0.5,
        0.5,
        (0.4, 0.9),
        f"of the verified one. {CCIR}: about half (RTX 4090); unverified: 0.7, assumed",
    ),
    Knob("traffic price", 0.004, 0.004, 0.004, (0.0, 0.012), f"mean $/GB, exponential. {CCIR}: $0 to $50 per TB"),
    # Churn
    Knob(
        "listing",
        60.0,
        20.0,
        15.0,
        (5.0, 60.0),
        f"mean minutes until an offer is taken. {SCRAPE}: present 17 % of the time",
    ),
    Knob("cheap go first", 1.0, 2.0, 2.0, (0.0, 3.0), "exponent of (p50 price / price) on that rate. Assumed"),
    Knob(
        "returning",
        0.41,
        0.41,
        0.41,
        (0.0, 0.8),
        f"share of new offers whose machine was listed before. {SCRAPE}: 172 of 416",
    ),
    Knob(
        "stale",
        0.02,
        0.10,
        0.15,
        (0.0, 0.4),
        "share of listed offers that are gone already. Assumed; no_such_ask is usual",
    ),
    Knob(
        "clash",
        0.10,
        0.10,
        0.10,
        (0.0, 0.5),
        "share of those whose create succeeds and fails on taken ports. skypilot#9117",
    ),
    # Faults
    Knob("not started, verified", 0.02, 0.02, 0.02, (0.0, 0.15), f"within 12 min. {SURVEY}: 2 %"),
    Knob("not started, unverified", 0.15, 0.15, 0.15, (0.05, 0.5), f"Assumed between the two of {SURVEY}"),
    Knob("not started, deverified", 0.50, 0.50, 0.50, (0.25, 0.75), f"{SURVEY}: 50 %"),
    Knob(
        "silent",
        0.5,
        0.5,
        0.5,
        (0.0, 1.0),
        "share of those that hang without a message; the rest fail visibly. Assumed",
    ),
    Knob("no port, verified", 0.03, 0.03, 0.03, (0.0, 0.15), f"{SURVEY}: 0 % in data centres; elsewhere assumed"),
    Knob("no port, others", 0.23, 0.23, 0.23, (0.1, 0.4), f"{SURVEY}: 77 % of unverified hosts reachable"),
    Knob(
        "stall",
        0.005,
        0.01,
        0.05,
        (0.0, 0.2),
        "share of downloads that stop. pollinations#13217 (Xet on Vast); rate assumed",
    ),
    Knob("no load", 0.005, 0.005, 0.02, (0.0, 0.1), "share of machines on which the model never loads. Assumed"),
    # Times
    Knob("advertised", 800.0, 800.0, 800.0, (400.0, 1600.0), f"p50 Mb/s of consumer lines. {CCIR}: about 1 Gb/s"),
    Knob("advertised, datacenter", 3000.0, 3000.0, 3000.0, (1000.0, 8000.0), f"p50 Mb/s. {CCIR}: multi-Gb/s"),
    Knob("delivered", 29.0, 25.0, 12.6, (6.0, 29.0), f"p50 MB/s. calm: {ORCH}; bad day: {KD_ORCH}; busy: assumed"),
    Knob("delivered spread", 0.7, 0.7, 0.7, (0.3, 1.0), f"sigma of its logarithm. {ORCH}"),
    Knob("relation", 0.3, 0.3, 0.3, (0.0, 0.7), f"exponent of the promised speed in it. Assumed: {ORCH}, so weak"),
    Knob("cached", 0.2, 0.2, 0.1, (0.0, 0.5), f"share of hosts with the image's layers. {QUICKSTART}; share assumed"),
    Knob(
        "unpack",
        50.0,
        50.0,
        40.0,
        (20.0, 100.0),
        "MB/s of a fresh image. tensorfuse/fastpull: 7 to 10 min for a big one",
    ),
    Knob("start", 45.0, 45.0, 60.0, (30.0, 120.0), f"p50 s of a container's start. {BOT}; {INTEGRATION}"),
    Knob("port", 30.0, 30.0, 30.0, (10.0, 60.0), f"p50 s from there to a port. {BOT}; {INTEGRATION}"),
    Knob("load", 71.0, 71.0, 90.0, (40.0, 180.0), "p50 s of load and smoke test. klutzydrummer: 71 s on an RTX 3090"),
    Knob("create", 1.6, 1.6, 5.0, (1.0, 10.0), f"s of the create call. {INTEGRATION}; {BOT}: 5 to 10 s"),
    Knob("search", 1.3, 1.3, 1.3, (0.5, 3.0), f"s of a search. {INTEGRATION}"),
    Knob(
        "relist",
        5.0,
        5.0,
        5.0,
        (1.0, 20.0),
        f"minutes until a machine that was given up is listed again. {SCRAPE}: new id",
    ),
)
# The grid of the bad day: every combination.
GRID: Mapping[str, tuple[float, ...]] = {
    "delivered": (8.0, 12.6, 20.0),
    "verified": (0.0, 0.05, 0.20),
    "not started, deverified": (0.30, 0.50, 0.70),
    "stale": (0.05, 0.15, 0.30),
}
VERIFIED_ONLY: Mapping[str, bool] = {"calm": True, "busy": True, "bad day": False}  # offer/verified of every policy
# What the table has to show, fixed with the parameters.
SEQUENTIAL_GAIN, HEDGING_GAIN, GRID_SHARE, ORACLE_RATIO, CALM_RATIO, MONEY_RATIO = 3.0, 1.8, 0.75, 1.5, 1.1, 1.10


def values(mood: str, changed: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return every knob's value in a mood, with some of them changed. Raises KeyError for a name that no knob has."""
    chosen = {knob.name: knob.of(mood) for knob in KNOBS}
    for name, value in (changed or {}).items():
        if name not in chosen:
            raise KeyError(f"no knob is called {name!r}")
        chosen[name] = value
    return chosen
