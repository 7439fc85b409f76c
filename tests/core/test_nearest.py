"""Nearest offers: which keys would have to be relaxed for an offer to match, and what it would cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Criteria, Desired, Market
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.planning.nearest import nearest
from ert_deploy.core.planning.offers import choose
from tests.support.fakes.market import offer
from tests.support.situations import UP

STRICT = replace(UP, criteria=Criteria(0.2, datacenter=True, gpu_names=("RTX 4090",), countries=("US",)))
FITS: dict[str, object] = {"dph_total": 0.19, "datacenter": True, "gpu_name": "RTX 4090", "geolocation": "Texas, US"}


def lines(desired: Desired, *offers: Offer) -> list[str]:
    choice = choose(offers, desired)
    assert choice.ranked == ()
    return [one.line() for one in nearest(choice.rejected, desired)]


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({"dph_total": 0.2123}, "offer/max_dph: 0.22"),
        ({"inet_down_cost": 0.0211}, "offer/max_inet_cost: 0.022"),
        ({"gpu_ram_mb": 16376.0}, "offer/gpu_ram: 16376MB"),
        ({"reliability": 0.9777}, "offer/min_reliability: 0.977"),
        ({"inet_down": 321.5}, "offer/min_inet_down: 321"),
        ({"cuda": 12.2}, "offer/min_cuda: 12.2"),
        ({"ports": 2}, "offer/min_ports: 2"),
        ({"duration": 2 * 86400.0}, "offer/min_duration: 48h"),
        ({"disk_gb": 33.9}, "launch/disk_gb: 33"),
        ({"verified": False}, "offer/verified: false"),
        ({"datacenter": False}, "offer/datacenter: false"),
        ({"gpu_name": "RTX 3090"}, "offer/gpu_names: [..., RTX 3090]"),
        ({"geolocation": "Sweden, SE"}, "offer/countries: [..., SE]"),
    ],
)
def test_a_relaxed_key_that_is_named_admits_the_offer(changes: dict[str, object], needs: str) -> None:
    (line,) = lines(STRICT, offer(1, **FITS | changes))
    assert line.endswith(f"with {needs}")
    assert "(machine 1001) for $" in line


def test_the_cheapest_of_each_key_is_named_the_cheapest_first() -> None:
    found = lines(
        STRICT,
        offer(1, **FITS | {"dph_total": 0.25}),
        offer(2, **FITS | {"dph_total": 0.22}),
        offer(3, **FITS | {"verified": False}),
        offer(4, **FITS | {"dph_total": 0.21, "verified": False}),
    )
    assert [line.rpartition(" with ")[2] for line in found] == ["offer/verified: false", "offer/max_dph: 0.22"]


def test_if_no_key_alone_suffices_the_smallest_sets_are_named() -> None:
    (line,) = lines(STRICT, offer(1, **FITS | {"dph_total": 0.25, "verified": False}))
    assert line.endswith("with offer/max_dph: 0.25 and offer/verified: false")


@pytest.mark.parametrize(
    "changes",
    [
        {"rentable": False}, {"num_gpus": 2}, {"cpu_arch": "arm64"}, {"dph_total": float("nan")},
        {"geolocation": "somewhere"}, {"inet_down": -1.0},
    ],
)  # fmt: skip
def test_what_no_key_admits_is_not_named(changes: dict[str, object]) -> None:
    assert lines(STRICT, offer(1, **FITS | changes)) == []


def test_a_bid_that_would_win_is_named_and_a_place_is_optional() -> None:
    bids = replace(UP, launch=replace(UP.launch, market=Market.INTERRUPTIBLE, bid=0.10))
    (line,) = lines(bids, offer(1, dph_total=0.1312, min_bid=0.1212, geolocation=""))
    assert line == "RTX 3090 (machine 1001) for $0.1312/h with launch/bid: 0.122"


def test_at_most_five_are_shown() -> None:
    changes: list[dict[str, object]] = [
        {"verified": False}, {"ports": 1}, {"cuda": 11.0}, {"datacenter": False}, {"disk_gb": 20.0}, {"inet_down": 9.0},
    ]  # fmt: skip
    offers = [offer(n, **FITS | one) for n, one in enumerate(changes, 1)]
    assert len(lines(STRICT, *offers)) == 5
