"""Contract tests of the GPU host port, for the fake, the simulator, and the adapter with the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Market
from ert_deploy.core.model.errors import CreateRefused, Gone, OfferGone, Rejected
from ert_deploy.core.model.observed import Instance, Power
from ert_deploy.core.model.provider import InstanceId
from tests.support.contract.gpu_hosts import CRITERIA, HOSTS, LAUNCH, Rig, order

NOBODYS = InstanceId("987654321")


@pytest.fixture(params=HOSTS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with HOSTS[request.param]() as made:
        yield made


def rent(rig: Rig, number: int = 1) -> Instance:
    """Rent the cheapest offer and wait until the container runs."""
    offer = min(rig.host.search(CRITERIA, LAUNCH), key=lambda found: found.dph_total)
    made = rig.host.create(order(offer, number))
    rig.wait(lambda: running(rig, made))
    return seen(rig, made)


def seen(rig: Rig, instance_id: InstanceId) -> Instance:
    found = rig.host.get_instance(instance_id)
    assert found is not None
    return found


def running(rig: Rig, instance_id: InstanceId) -> bool:
    found = rig.host.get_instance(instance_id)
    return found is not None and found.power is Power.RUNNING and found.address is not None


def test_offers_have_ids_machines_and_a_price_with_the_disk(rig: Rig) -> None:
    offers = rig.host.search(CRITERIA, LAUNCH)
    assert offers
    assert len({offer.id for offer in offers}) == len(offers)
    assert all(offer.machine_id and offer.dph_total > 0 and offer.gpu_ram_mb > 0 for offer in offers)
    assert {o.id for o in offers} <= {o.id for o in rig.host.search(CRITERIA, LAUNCH, wide=True)}


def test_an_offer_is_quoted_as_it_was_found_until_it_is_rented(rig: Rig) -> None:
    found = rig.host.search(CRITERIA, LAUNCH)[0]
    quoted = rig.host.quote(found, LAUNCH)
    assert quoted is not None
    assert (quoted.id, quoted.machine_id, quoted.dph_total) == (found.id, found.machine_id, found.dph_total)
    rig.host.create(order(found))
    assert rig.host.quote(found, LAUNCH) is None


def test_what_was_rented_is_listed_and_found_by_id_with_all_that_it_was_born_with(rig: Rig) -> None:
    offer = rig.host.search(CRITERIA, LAUNCH)[0]
    asked = order(offer)
    made = rig.host.create(asked)
    rig.wait(lambda: any(found.id == made for found in rig.host.list_instances()))
    rig.wait(lambda: running(rig, made))
    (listed,) = [found for found in rig.host.list_instances() if found.id == made]
    for found in (listed, seen(rig, made)):
        assert (found.mark, found.born, found.claims) == (asked.mark, asked.mark, "ert")
        assert (found.spec, found.owner) == (asked.env["ERT_SPEC"], asked.env["ERT_OWNER"])
        assert found.boot_secret.reveal() == asked.env["ERT_BOOT_SECRET"]
        assert found.key_hashes == (asked.env["ERT_KEY_HASHES"],)
        assert found.machine_id == offer.machine_id
        assert found.dph == pytest.approx(offer.dph_total, rel=0.01)
        assert not found.halted
    assert rig.running() == [made]


def test_an_offer_that_does_not_exist_is_gone_and_nothing_is_rented(rig: Rig) -> None:
    offer = rig.host.search(CRITERIA, LAUNCH)[0]
    before = {found.id for found in rig.host.list_instances()}
    with pytest.raises(OfferGone):
        rig.host.create(order(replace(offer, id=NOBODYS)))
    assert {found.id for found in rig.host.list_instances()} == before
    assert rig.running() == []


def test_a_restart_keeps_the_instance_and_its_address(rig: Rig) -> None:
    before = rent(rig)
    rig.host.restart(before.id)
    rig.wait(lambda: running(rig, before.id))
    after = seen(rig, before.id)
    assert (after.id, after.address, after.machine_id) == (before.id, before.address, before.machine_id)


def test_a_stop_ends_the_gpus_bill_and_a_start_brings_the_same_instance_back(rig: Rig) -> None:
    made = rent(rig).id
    rig.host.stop(made)
    rig.wait(lambda: seen(rig, made).stopped)
    assert rig.running() == []
    rig.host.stop(made)  # may be repeated
    if not rig.host.cloud.keeps_disk:
        with pytest.raises(Rejected):
            rig.host.start(made)
        assert rig.running() == []
        return
    rig.host.start(made)
    rig.wait(lambda: running(rig, made))
    assert not seen(rig, made).halted
    assert rig.running() == [made]


def test_a_cloud_without_bids_takes_none(rig: Rig) -> None:
    if rig.host.cloud.bids:
        assert rig.host.search(CRITERIA, replace(LAUNCH, market=Market.INTERRUPTIBLE, bid=0.3))
        return
    bid = replace(
        order(rig.host.search(CRITERIA, LAUNCH)[0]), launch=replace(LAUNCH, market=Market.INTERRUPTIBLE, bid=0.3)
    )
    with pytest.raises(CreateRefused):
        rig.host.create(bid)
    assert rig.running() == []


def test_what_was_destroyed_is_neither_listed_nor_found_and_may_be_destroyed_again(rig: Rig) -> None:
    made = rent(rig).id
    rig.host.destroy(made)
    rig.wait(lambda: rig.host.get_instance(made) is None)
    rig.wait(lambda: all(found.id != made for found in rig.host.list_instances()))
    assert rig.running() == []
    rig.host.destroy(made)


def test_an_instance_that_does_not_exist_is_not_found_and_takes_no_order(rig: Rig) -> None:
    made = rent(rig).id
    rig.host.destroy(made)
    rig.wait(lambda: rig.host.get_instance(made) is None)
    assert rig.host.get_instance(NOBODYS) is None
    for call in (rig.host.start, rig.host.stop, rig.host.restart):
        with pytest.raises(Gone):
            call(made)
    assert rig.running() == []


def test_the_offer_of_a_running_instance_is_offered_to_nobody(rig: Rig) -> None:
    made = rent(rig)
    assert made.machine_id not in {offer.machine_id for offer in rig.host.search(CRITERIA, LAUNCH)}


def test_two_instances_are_two_rows(rig: Rig) -> None:
    first, second = rent(rig), rent(rig, 2)
    assert first.id != second.id
    assert first.machine_id != second.machine_id
    assert {first.id, second.id} <= {found.id for found in rig.host.list_instances()}
    assert sorted(rig.running()) == sorted([first.id, second.id])


def test_the_account_has_an_id_and_credit_and_the_provider_a_date(rig: Rig) -> None:
    account = rig.host.account()
    assert account.id
    assert account.credit > 0
    assert (rig.host.date() or 0) > 0
