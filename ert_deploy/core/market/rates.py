"""Rates: what a host's link usually delivers, and what a boot usually takes on it, from public figures."""

from __future__ import annotations

import math

MBIT_PER_GB = 8000.0

# Hosts delivered 5 to 80 MB/s, "with no relation to the advertised" rate (klutzydrummer/vastai-llmapi-orchestrator:
# README.md and deploy/deploy.py). The geometric centre, 20 MB/s, is taken for a host that advertises 1 Gb/s, the
# usual value of consumer lines (ccir.io/vast).
USUAL_RATE = 160.0  # Mb/s
USUAL_LINE = 1000.0  # Mb/s
# Between "no relation" (0, that report) and the advertised rate being what is delivered (1, docs.vast.ai).
RELATION = 0.5
# "30 s for a cached image" (docs.vast.ai, quickstart); whatever is not cached is downloaded on top of it.
PULL = 30.0
# Docker downloads and unpacks 11.8 GB in 134 s on a fast link (public log of freesolo-co/flash-worker:cu128).
UNPACK_RATE = 704.0  # Mb/s
# Of an image alone: between that log (88 MB/s) and 7 to 10 minutes for one of 20 GB (tensorfuse/fastpull, 40 MB/s).
UNPACK_ALONE = 480.0  # Mb/s
# The port is reached 30 to 60 s after the container runs (lifehaverdev/stationthisdeluxebot: vastai/notes/research.md).
BOOT = 45.0


def usual_rate(advertised: float) -> float:
    """Return the Mb/s that a host usually delivers; never more than the advertised rate, and never 0."""
    promised = advertised if advertised > 1.0 else 1.0  # NaN too
    return min(promised, USUAL_RATE * math.pow(promised / USUAL_LINE, RELATION))


def usual_pull(image_gb: float, rate: float) -> float:
    """Return the seconds until an image of this size is on a host that delivers this rate in Mb/s."""
    return PULL + image_gb * MBIT_PER_GB / min(rate, UNPACK_RATE)


def unpacking(image_gb: float) -> float:
    """Return the seconds of a pull that no faster link saves."""
    return image_gb * MBIT_PER_GB / UNPACK_ALONE


def pull_rate(image_gb: float, seconds: float) -> float:
    """Return the rate in Mb/s of a link on which an image took so long, with a second for the least that is seen."""
    return image_gb * MBIT_PER_GB / max(seconds - PULL - unpacking(image_gb), 1.0)
