"""Random faults on the wire, from a seed: one request of one command is struck, by its number; then all is calm.

Whatever it was, the command given once more has to finish the job: exactly one is paid or none, the state agrees, the
bill is accounted for, and never more than two were paid at once.
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
# About how many requests a command sends to each side: later numbers would strike nothing.
REACH = {"vast": 14, "render": 60, "s3": 45}


@dataclass(frozen=True, slots=True)
class Chance:
    """What a seed means: the verb, the side, the kind of fault, and how many requests go through before it."""

    seed: int
    verb: str
    side: str
    kind: str
    skip: int

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.verb}, {self.kind} at request {self.skip + 1} to {self.side}"


@dataclass(frozen=True, slots=True)
class Struck:
    """Whether the fault found a request, how the struck command ended, and the most that were paid at once."""

    struck: bool
    ended: int
    most: int


def drawn(seed: int) -> Chance:
    """The chance of a seed; the same in every process."""
    draw = random.Random(seed)
    side = SIDES[seed % len(SIDES)]
    return Chance(seed, draw.choice(list(verbs.ALL)), side, draw.choice(list(KINDS)), draw.randrange(REACH[side]))


def play(chance: Chance, stage: Stage, s3: tuple[Any, str]) -> Struck:
    """Strike, then finish. The state is in S3. AssertionError when the world is not as it must be."""
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
