"""The market as people meet it: offers get other ids, GPUs of sleeping instances are taken, reads after a destroy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from ert_deploy.sandbox.vast.conditions.churn import Churn
from ert_deploy.sandbox.vast.conditions.hosts import Hosts
from ert_deploy.sandbox.vast.conditions.knobs import AS_MET, HOUR, WINDOW, Knobs
from ert_deploy.sandbox.vast.conditions.tenancy import Takers, Tenant
from ert_deploy.sandbox.vast.contract import Contract, Order
from ert_deploy.sandbox.vast.market import Ask, make_market
from tests.support.vast.world import Renter, renting, until

NOW = 1_780_000_000.0


def contract(ask: Ask, id: int) -> Contract:
    order = Order("x/y:1", {}, 20.0, "args")
    return Contract(
        id=id, ask=ask, order=order, key="k", created=NOW, ends=NOW + 1e9, label=None, bid=None, address="127.0.0.1",
        told_address="127.0.0.1", ports={}, image_left=0.0, model_left=0.0, current="stopped",
    )  # fmt: skip


def test_forty_one_percent_of_the_offers_have_another_id_after_six_hours() -> None:
    asks = {a.id: a for seed in range(10) for a in make_market(seed, NOW)}
    machines = {number: replace(a, machine_id=number) for number, a in enumerate(asks.values())}
    asks = {a.id: a for a in machines.values()}
    before = dict(asks)
    churn = Churn(AS_MET, 1, NOW)
    for minute in range(0, 361, 5):
        churn.tick(asks, {}, (), NOW + minute * 60)
    assert len(asks) == len(before)
    changed = sum(1 for id in before if id not in asks) / len(before)
    assert changed == pytest.approx(0.41, abs=0.05)
    assert {replace(a, id=0) for a in asks.values()} == {replace(a, id=0) for a in before.values()}


def test_ids_change_at_the_same_times_however_often_one_looks() -> None:
    often, once = ({a.id: a for a in make_market(1, NOW)} for _ in range(2))
    first, second = Churn(AS_MET, 1, NOW), Churn(AS_MET, 1, NOW)
    for minute in range(61):
        first.tick(often, {}, (), NOW + minute * 60)
    second.tick(once, {}, (), NOW + 3600)
    ids = [
        {a.machine_id for a in asks.values() if a.id not in {b.id for b in make_market(1, NOW)}}
        for asks in (often, once)
    ]
    assert ids[0] == ids[1] != set()


def test_a_contract_and_a_tenant_follow_the_offer_to_its_new_id() -> None:
    [ask] = make_market(1, NOW)[:1]
    asks, tenants, mine = {ask.id: ask}, {ask.id: Tenant()}, contract(ask, 5)
    Churn(Knobs(renumbered=0.99), 1, NOW).tick(asks, tenants, (mine,), NOW + 4 * WINDOW)
    [new] = asks
    assert new != ask.id
    assert list(tenants) == [new]
    assert mine.ask.id == new


@pytest.mark.parametrize(("hours", "share"), [(0.1, 0.04), (0.5, 0.18), (2.0, 0.52), (12.0, 0.83)])
def test_the_longer_an_instance_sleeps_the_more_likely_its_gpu_is_taken(hours: float, share: float) -> None:
    """`taken * (1 - exp(-t / taken_after))`, counted on 2,000 stopped instances."""
    ask = make_market(1, NOW)[0]
    all_of_them = [contract(replace(ask, id=number), number) for number in range(2000)]
    takers, tenants = Takers(AS_MET, 1), dict[int, Tenant]()
    at = NOW
    while at <= NOW + hours * HOUR:
        tenants = {id: one for id, one in tenants.items() if one.until is None or one.until > at}
        takers.tick(all_of_them, tenants, at)
        at += 60.0
    assert len(tenants) / 2000 == pytest.approx(share, abs=0.04)


def test_a_running_instance_keeps_its_gpu() -> None:
    mine = contract(make_market(1, NOW)[0], 5)
    mine.current = "running"
    takers, tenants = Takers(replace(AS_MET, taken=0.99), 1), dict[int, Tenant]()
    for hour in range(100):
        takers.tick([mine], tenants, NOW + hour * HOUR)
    assert tenants == {}


@pytest.fixture
def met() -> Iterator[Renter]:
    with renting(knobs=replace(AS_MET, renumbered=0.999, taken=0.99, taken_after=60.0, gone_for=4000.0)) as up:
        yield up


def test_an_offer_of_yesterday_is_gone_and_its_machine_is_there_under_another_id(met: Renter) -> None:
    before = {a.id: a.machine_id for a in met.double.asks()}
    until(lambda: bool(set(before) - {a.id for a in met.double.asks()}))
    gone = next(iter(set(before) - {a.id for a in met.double.asks()}))
    assert "no_such_ask" in met.create(gone).json()["msg"]
    assert before[gone] in {a.machine_id for a in met.double.asks()}


def test_a_sleeping_instance_loses_its_gpu(met: Renter) -> None:
    id = met.running()
    met.sdk.stop_instance(id)
    met.until(id, "exited")
    met.double.clock.sleep(400.0)
    assert met.sdk.start_instance(id)["error"] == "resources_unavailable"


def test_reads_by_id_after_a_destroy_answer_in_all_four_ways(met: Renter) -> None:
    id = met.rent()
    met.sdk.destroy_instance(id)
    answers = [met.get(f"/v0/instances/{id}/") for _ in range(8)]
    shapes = ["404" if one.status_code == 404 else str(one.json()["instances"]) for one in answers]
    assert shapes == ["{}", "[]", "404", "None"] * 2
    assert met.get("/v0/instances/7/").json() == {"instances": None}


def test_some_time_after_the_destroy_the_answer_is_one(met: Renter) -> None:
    with renting(knobs=Knobs(gone=("{}", "[]"), gone_for=100.0)) as renter:
        id = renter.rent()
        renter.sdk.destroy_instance(id)
        until(lambda: renter.get(f"/v0/instances/{id}/").json() == {"instances": None})


def test_the_market_of_a_running_world_can_be_made_and_unmade_as_people_meet_it() -> None:
    with renting() as renter:
        id = renter.rent()
        renter.double.trouble({"kind": "market", "gone_for": 1e6})
        renter.sdk.destroy_instance(id)
        assert renter.get(f"/v0/instances/{id}/").json() == {"instances": {}}
        renter.double.calm()
        assert renter.get(f"/v0/instances/{id}/").json() == {"instances": None}
        with pytest.raises(ValueError, match="taken"):
            renter.double.trouble({"kind": "market", "taken": 7})


@pytest.mark.parametrize(
    "knobs", [{"renumbered": 1.0}, {"taken": -0.1}, {"taken_after": 0.0}, {"gone": ("nil",)}, {"slow": 1.0}]
)
def test_a_knob_out_of_range_is_refused(knobs: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(knobs))):
        Knobs(**knobs)  # type: ignore[arg-type]


def shares(asks: Iterable[Ask]) -> tuple[float, float]:
    rows = list(asks)
    slow = [a for a in rows if a.flaw == "slow"]
    assert {a.delivered for a in slow} <= {0.03}
    return len(slow) / len(rows), sum(a.cpu_arch == "arm64" for a in rows) / len(rows)


def test_shares_of_the_hosts_are_slow_and_arm64_and_a_calm_market_is_as_it_was_made() -> None:
    made = {
        a.id: replace(a, machine_id=a.machine_id + seed * 1000) for seed in range(20) for a in make_market(seed, NOW)
    }
    asks, hosts = dict(made), Hosts(made.values(), 1)
    before = shares(asks.values())
    hosts.apply(asks, Knobs(slow=0.5, arm64=0.25))
    after = shares(asks.values())
    assert after == pytest.approx([before[0] + (1 - before[0]) * 0.5, before[1] + (1 - before[1]) * 0.25], abs=0.05)
    again = dict(made)
    hosts.apply(again, Knobs(slow=0.5, arm64=0.25))
    assert again == asks
    hosts.apply(asks, Knobs())
    assert asks == made


def test_the_cheapest_hosts_can_be_slow_while_the_market_is_on_and_a_price_stays() -> None:
    with renting() as renter:
        cheapest = renter.offers()[0]
        renter.double.trouble({"kind": "market", "slow": 0.999, "renumbered": 0.0})
        renter.double.trouble({"kind": "price", "factor": 2.0})
        assert all(a.flaw for a in renter.double.asks())
        id = renter.rent(cheapest["id"])
        renter.double.end_trouble("market")
        [ask] = [a for a in renter.double.asks() if a.id == cheapest["id"]]
        assert (ask.flaw, ask.dph_base) == ("", cheapest["dph_base"] * 2)
        assert renter.status(id) != "running"  # its host still delivers 3 %


def test_the_market_has_arm64_hosts_and_slow_ones_that_deliver_three_percent() -> None:
    asks = [a for seed in range(20) for a in make_market(seed, NOW)]
    arm = [a for a in asks if a.cpu_arch == "arm64"]
    assert len(arm) / len(asks) == pytest.approx(1 / 24, abs=0.005)
    slow = [a for a in asks if a.flaw == "slow"]
    assert slow
    assert {a.delivered for a in slow} == {0.03}
