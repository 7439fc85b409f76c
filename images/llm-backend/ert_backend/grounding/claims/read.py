"""Runs every comparison check on one sentence.

Only a contradiction by figures rejects a sentence; a comparison without a definite result is ignored.
"""

from __future__ import annotations

from collections.abc import Collection

from ert_backend.grounding.claims import (
    alike,
    compare,
    earned,
    factors,
    limits,
    lists,
    pace,
    paired,
    payments,
    places,
    rank,
    spends,
    states,
    told,
    whose,
)
from ert_backend.grounding.claims.change import higher, listed, speed, trend
from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.known.build import index
from ert_backend.grounding.claims.known.figures import Figures
from ert_backend.grounding.claims.known.following import following, timely
from ert_backend.grounding.claims.relation import relate
from ert_backend.grounding.claims.sentence.names import Names, names
from ert_backend.grounding.claims.sentence.scene import Scene, scene
from ert_backend.grounding.claims.sentence.when import referred
from ert_backend.grounding.claims.stated import absent, loose
from ert_backend.grounding.numerals import Numeral

READERS = (
    compare.rulings,
    pace.rulings,
    places.rulings,
    paired.rulings,
    trend.rulings,
    higher.rulings,
    listed.rulings,
    speed.rulings,
    factors.rulings,
    states.rulings,
    rank.rulings,
    spends.rulings,
    payments.rulings,
    limits.rulings,
    told.rulings,
    whose.rulings,
    earned.rulings,
    lists.rulings,
    loose.rulings,
    absent.rulings,
    alike.rulings,
)


def rulings(taken: Scene, told: Collection[str] = ()) -> list[Ruling]:
    """Return the rulings for the sentence; `told`: ids of the figures whose value is written in it."""
    found = [ruling for reader in READERS for ruling in reader(taken)]
    settled = {id for ruling in found if ruling.true and ruling.numerals for id in ruling.ids}
    return [*found, *relate.rulings(taken, {*told, *settled})]


__all__ = [
    "Figures",
    "Names",
    "Numeral",
    "Ruling",
    "Scene",
    "following",
    "index",
    "names",
    "referred",
    "rulings",
    "scene",
    "timely",
]
