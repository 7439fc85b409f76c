"""Searches that people type, by the official `vastai` command line: it prints the offers that match, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import requests

from ert_deploy.sandbox.vast.market import DAY, Ask
from tests.support.vast.cli import Cli, official_cli
from tests.support.vast.world import KEY, Renter, renting

pytestmark = pytest.mark.process
Wanted = Callable[[Ask], bool]
DRIVER = "535.86.05"


def driver(ask: Ask) -> tuple[int, ...]:
    return tuple(int(part) for part in ask.driver.split("."))


def host(ask: Ask) -> bool:
    """The default query of the command line: verified and rentable."""
    return ask.verified and not ask.rented


# The examples of `vastai search offers --help`, and what guides and issues about Vast show.
QUERIES: tuple[tuple[str, Wanted], ...] = (
    ("reliability > 0.98 num_gpus=1 gpu_name=RTX_3090",
     lambda a: a.reliability > 0.98 and a.gpus == 1 and a.card.name == "RTX 3090"),
    ("compute_cap > 610 total_flops > 5 datacenter=True", lambda a: a.datacenter and a.card.power > 50),
    ("reliability>0.99 num_gpus=4 geolocation in [TW,SE]", lambda a: False),
    ('reliability>0.99 gpu_name in ["RTX 4090", "RTX 3090"] geolocation notin [CN,VN]',
     lambda a: a.reliability > 0.99 and a.card.name in ("RTX 4090", "RTX 3090") and a.country() not in ("CN", "VN")),
    (f"disk_space>146 duration>24 gpu_ram>10 cuda_vers>=12.1 direct_port_count>=2 driver_version >= {DRIVER}",
     lambda a: a.disk_space > 146 and a.card.ram_mb > 10_000 and a.ports >= 2 and driver(a) >= (535, 86, 5)),
    ("cpu_arch=arm64", lambda a: a.cpu_arch == "arm64"),
    ("cpu_arch in [amd64,arm64] num_gpus=1", lambda a: a.gpus == 1),
    ("gpu_name=RTX_4090", lambda a: a.card.name == "RTX 4090"),
    ("gpu_name=RTX_4090 num_gpus=1 verified=true rentable=true", lambda a: a.card.name == "RTX 4090" and a.gpus == 1),
    ("gpu_name != RTX_3090", lambda a: a.card.name != "RTX 3090"),
    ("gpu_ram>=24 num_gpus=1", lambda a: a.card.ram_mb >= 24_000 and a.gpus == 1),
    ("gpu_ram >= 24 dph < 0.3", lambda a: a.card.ram_mb >= 24_000 and a.dph_base + a.storage_cost * 5 / 720 < 0.3),
    ("gpu_total_ram>=48 num_gpus==2", lambda a: a.card.ram_mb * a.gpus >= 48_000 and a.gpus == 2),
    ("cpu_ram>=128", lambda a: a.cpu_ram >= 128_000),
    ("cpu_cores_effective>=32 cpu_ghz>=3", lambda a: a.cores >= 32),
    ("inet_down>500 inet_up>500", lambda a: a.inet_down > 500 and a.inet_up > 500),
    ("inet_down_cost<=0.005", lambda a: a.inet_down_cost <= 0.005),
    ("geolocation=US", lambda a: a.country() == "US"),
    ("geolocation != US static_ip=true", lambda a: a.country() != "US" and a.static_ip),
    ("direct_port_count>=100", lambda a: a.ports >= 100),
    ("gpu_arch=nvidia has_avx=true vms_enabled=false num_gpus=1", lambda a: a.gpus == 1),
    ("dlperf>100 dlperf_usd>200", lambda a: a.card.dlperf * a.gpus > 100
     and a.card.dlperf * a.gpus / (a.dph_base + a.storage_cost * 5 / 720) > 200),
    ("min_bid<0.1", lambda a: a.min_bid < 0.1),
    ("storage_cost<0.15 ubuntu_version=22.04", lambda a: a.storage_cost < 0.15),
    ("ubuntu_version=18.04", lambda a: False),
    ("gpu_display_active=False pcie_bw>10 pci_gen>=4 num_gpus=1", lambda a: a.gpus == 1),
    ("bw_nvlink>1", lambda a: False),
    ("num_gpus in [2,4] gpu_frac=1", lambda a: a.gpus == 2),
)  # fmt: skip


@pytest.fixture(scope="module")
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


@pytest.fixture(scope="module")
def cli(renter: Renter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with official_cli(renter.double.url, tmp_path_factory.mktemp("home"), KEY) as up:
        yield up


def ids(rows: list[dict[str, str]]) -> set[int]:
    return {int(row["ID"]) for row in rows}


def test_there_are_as_many_queries_as_people_type() -> None:
    assert len(QUERIES) == 28


@pytest.mark.parametrize(("query", "holds"), QUERIES, ids=[query for query, _ in QUERIES])
def test_a_search_prints_exactly_the_offers_that_match(cli: Cli, renter: Renter, query: str, holds: Wanted) -> None:
    said = cli("search", "offers", query)
    assert (said.code, said.err) == (0, "")
    now = renter.double.clock.now()
    long = [a for a in renter.double.asks() if "duration>24" not in query or a.end_date - now > 24 * DAY]
    assert ids(said.table()) == {a.id for a in long if host(a) and holds(a)}


def test_the_columns_show_what_the_offer_is(cli: Cli, renter: Renter) -> None:
    row = cli("search", "offers", "gpu_name=RTX_4090 num_gpus=1", "-o", "dph", "--limit", 1, "--storage", 40).table()[0]
    [ask] = [a for a in renter.double.asks() if a.id == int(row["ID"])]
    assert (row["Model"], row["N"], row["NV Driver"], row["ports"]) == ("RTX_4090", "1x", ask.driver, str(ask.ports))
    assert row["$/hr"] == f"{ask.dph_base + 40 * ask.storage_cost / 720:.4f}"
    assert (row["status"], row["country"]) == ("verified", ask.geolocation.replace(" ", "_"))
    assert float(row["Max_Days"]) == pytest.approx((ask.end_date - renter.double.clock.now()) / DAY, abs=0.3)


def test_orders_types_and_the_new_search(cli: Cli, renter: Renter) -> None:
    asks = {a.id: a for a in renter.double.asks()}
    cheap = [float(row["$/hr"]) for row in cli("search", "offers", "-o", "dph").table()]
    assert cheap == sorted(cheap)
    many = [row["N"] for row in cli("search", "offers", "num_gpus>=1", "-o", "num_gpus-,dph").table()]
    assert many == sorted(many, reverse=True)
    bids = cli.raw("search", "offers", "-t", "bid", "gpu_name=RTX_3090")
    assert {(row["dph_base"], row["is_bid"]) for row in bids} == {(asks[row["id"]].min_bid, True) for row in bids}
    assert len(cli("search", "offers", "-r", "--limit", 3).table()) == 3
    assert ids(cli("search", "offers", "--new", "geolocation=SE").table()) == ids(
        cli("search", "offers", "geolocation=SE").table()
    )
    everything = {row["verification"] for row in cli.raw("search", "offers", "-n")}
    assert everything == {"verified", "unverified"}


def test_a_query_that_makes_no_sense_is_said(cli: Cli) -> None:
    assert "Unknown operator" in cli("search", "offers", "nonsense").out
    assert "Unrecognized field: gpu_colour" in cli("search", "offers", "gpu_colour=red").err
    refused = cli("search", "offers", "--type", "gift")
    assert "Failed with error 400: Invalid type: gift" in refused.err


def test_the_installed_script_prints_the_same(cli: Cli, renter: Renter) -> None:
    said = cli.script("search", "offers", "gpu_name=RTX_3090 num_gpus=1")
    asks = renter.double.asks()
    assert ids(said.table()) == {a.id for a in asks if host(a) and a.card.name == "RTX 3090" and a.gpus == 1}
    wrong = cli.script("show", "instances", "--api-key", "wrong")
    assert "Failed with error 404: Invalid user key" in wrong.err


def test_the_help_of_the_search_is_where_the_queries_come_from(cli: Cli) -> None:
    shown = cli("search", "offers", "--help").out
    for query, _ in QUERIES[:6]:
        assert query in shown


def test_the_home_of_the_client_is_its_own(cli: Cli) -> None:
    assert (cli.home / ".config" / "vastai" / "vast_api_key").read_text() == KEY


def test_a_search_by_address_finds_the_same_as_one_by_body(renter: Renter) -> None:
    query = {"gpu_name": {"eq": "RTX 3090"}, "verified": {"eq": True}, "order": [["dph_total", "asc"]]}
    found = renter.get("/v0/bundles/", q=json.dumps(query))
    assert found.headers["Content-Type"] == "application/json"
    same = requests.post(f"{renter.double.url}/api/v0/bundles/?api_key={KEY}", json=query, timeout=10)
    assert [row["id"] for row in found.json()["offers"]] == [row["id"] for row in same.json()["offers"]] != []
    assert renter.get("/v0/bundles/", q="{").json()["error"] == "invalid_request"
