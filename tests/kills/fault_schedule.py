"""Random faults: one fault in one request of a command, chosen by `seed`; no further faults after that.

The next run of the command must always complete it: the expected number of instances exists, state and bill match, and
at most two instances were rented at any time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.kills import verbs
from tests.kills.differential import PATIENCE
from tests.kills.fault_proxy import KINDS, FaultProxy, in_front_of
from tests.kills.invariants import books, nothing_lost
from tests.kills.stage import Stage
from tests.support.doubles import moto_s3

SIDES = ("vast", "render", "s3")
# Approximate number of requests per run to each side; a fault at a higher number would never be injected.
REACH = {"vast": 14, "render": 60, "s3": 45}


@dataclass(frozen=True, slots=True)
class Chance:
    """Parameters of a `seed`: command, side, type of fault, and number of requests before the fault."""

    seed: int
    verb: str
    side: str
    kind: str
    skip: int

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.verb}, {self.kind} at request {self.skip + 1} to {self.side}"


@dataclass(frozen=True, slots=True)
class Struck:
    """Whether the fault was injected, the exit code, and the maximum of concurrent instances."""

    struck: bool
    ended: int
    most: int


def drawn(seed: int) -> Chance:
    """Return the parameters of `seed`; the result is reproducible."""
    draw = random.Random(seed)
    side = SIDES[seed % len(SIDES)]
    return Chance(seed, draw.choice(list(verbs.ALL)), side, draw.choice(list(KINDS)), draw.randrange(REACH[side]))


def play(chance: Chance, stage: Stage, s3: tuple[Any, str]) -> Struck:
    """Inject the fault, then complete the command. The state is in S3. Raises `AssertionError` if a check fails."""
    verb, (client, url) = verbs.ALL[chance.verb], s3
    stage.keep_state_in(client, moto_s3.bucket(client), url)
    verb.prepare(stage)
    stage.desk.extra["ERT_KILLS_PATIENCE"] = str(PATIENCE)
    with _between(stage, chance.side, url) as proxy:
        proxy.add(chance.kind, skip=chance.skip)
        first = stage.desk.run(*verb.command)
        assert "Traceback" not in first.said, first.said
        assert "unforeseen" not in first.said, first.said
        proxy.calm()
        stage.desk.ert(*verb.command)
        struck = proxy.struck()
    verb.check(stage)
    books(stage)
    nothing_lost(stage)
    return Struck(bool(struck), first.code, stage.most_at_once())


@contextmanager
def _between(stage: Stage, side: str, s3_url: str) -> Iterator[FaultProxy]:
    urls = {"vast": stage.file.vast_url, "render": stage.file.render_url, "s3": s3_url}
    with in_front_of(urls[side], lambda: {stage.nursery.pid}) as proxy:
        _through(stage, side, proxy.url)
        yield proxy
    _through(stage, side, urls[side])


def _through(stage: Stage, side: str, url: str) -> None:
    if side == "s3":
        stage.desk.extra["AWS_ENDPOINT_URL_S3"] = url
    else:
        stage.point_at(**{f"{side}_url": url})
