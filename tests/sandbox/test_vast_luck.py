"""Adverse conditions: unavailable GPUs, failing hosts, exhausted credit, misleading statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.vast.market import make_market
from tests.support.vast.world import Renter, environment, renting, until


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


def test_a_start_is_refused_with_status_200_when_the_gpu_is_taken(renter: Renter) -> None:
    id = renter.running()
    renter.sdk.stop_instance(id)
    renter.double.trouble({"kind": "gpu_taken", "instance_id": id})
    answer = renter.sdk.start_instance(id)
    assert (answer["success"], answer["error"]) == (False, "resources_unavailable")
    row = renter.until(id, "exited")
    assert (row["intended_status"], row["cur_state"], row["next_state"]) == ("stopped", "stopped", "stopped")


def test_a_refused_start_can_also_fire_once_the_gpu_is_free(renter: Renter) -> None:
    id = renter.running()
    renter.sdk.stop_instance(id)
    renter.double.trouble({"kind": "gpu_taken", "instance_id": id, "seconds": 100, "aftermath": "fires"})
    assert renter.sdk.start_instance(id)["success"] is False
    assert renter.row(id)["next_state"] == "running"
    renter.until(id, "running")


def test_stop_cancels_a_queued_start(renter: Renter) -> None:
    id = renter.running()
    renter.sdk.stop_instance(id)
    renter.double.trouble({"kind": "gpu_taken", "instance_id": id, "seconds": 60, "aftermath": "fires"})
    renter.sdk.start_instance(id)
    renter.sdk.stop_instance(id)
    until(lambda: renter.offers()[0]["machine_id"] == renter.row(id)["machine_id"])
    assert (renter.row(id)["cur_state"], renter.row(id)["next_state"]) == ("stopped", "stopped")


def test_an_interruptible_instance_is_outbid_and_comes_back_with_a_better_bid(renter: Renter) -> None:
    offer = renter.offers()[0]
    id = renter.running(price=offer["min_bid"] + 0.01)
    renter.double.trouble({"kind": "outbid", "instance_id": id, "price": 0.5})
    row = renter.until(id, "exited")
    assert (row["cur_state"], row["intended_status"], row["next_state"]) == ("stopped", "stopped", "stopped")
    assert row["min_bid"] > row["dph_base"], "what its GPU goes for now"
    assert renter.sdk.change_bid(id, price=0.6) == {"success": True}
    assert renter.until(id, "running")["dph_base"] == 0.6


def test_an_on_demand_instance_cannot_be_outbid(renter: Renter) -> None:
    id = renter.running()
    renter.double.trouble({"kind": "outbid", "instance_id": id})
    assert renter.status(id) == "running"
    assert renter.put(f"/instances/bid_price/{id}/", {"price": 0.5}).json()["error"] == "invalid_args"


def test_a_host_that_is_lost_costs_nothing_and_comes_back(renter: Renter) -> None:
    id = renter.running()
    renter.double.trouble({"kind": "offline", "instance_id": id, "seconds": 400})
    assert renter.status(id) == "offline"
    assert renter.double.bill().running == ()
    renter.until(id, "running")
    assert renter.double.bill().running == (id,)


def test_the_end_of_the_contract_stops_it_for_good(renter: Renter) -> None:
    id = renter.running()
    renter.double.trouble({"kind": "contract_end", "instance_id": id})
    assert renter.until(id, "exited")["cur_state"] == "stopped"
    assert renter.sdk.start_instance(id)["success"] is False
    renter.double.trouble({"kind": "contract_end", "instance_id": id, "seconds": -2 * 86400})
    assert renter.sdk.show_instance(id) is None


def test_without_credit_everything_stops_and_nothing_starts(renter: Renter) -> None:
    id = renter.running()
    before = renter.sdk.show_user()["credit"]
    until(lambda: renter.sdk.show_user()["credit"] < before)
    renter.double.trouble({"kind": "credit", "value": 0.0})
    assert renter.until(id, "exited")["cur_state"] == "stopped"
    assert renter.sdk.show_user()["credit"] <= 0
    assert renter.put(f"/instances/{id}/", {"state": "running"}).json()["error"] == "missing_billing"


def test_a_pull_that_fails_stops_the_contract_and_says_why(renter: Renter) -> None:
    renter.double.trouble({"kind": "pull_fails"})
    id = renter.rent()
    until(lambda: renter.row(id)["cur_state"] == "stopped")
    row = renter.row(id)
    assert (row["actual_status"], row["intended_status"]) == ("loading", "stopped")
    assert "manifest unknown" in row["status_msg"]


def test_a_pull_that_stalls_shows_the_same_message_until_it_goes_on(renter: Renter) -> None:
    renter.double.trouble({"kind": "pull_stalls", "at": 0.25})
    id = renter.rent()
    until(lambda: "(25.0%)" in (renter.row(id)["status_msg"] or ""))
    renter.double.calm("pull_stalls")
    renter.until(id, "running")
    assert renter.double.bill().rows[0].download_gb >= 4.0


def test_a_slow_pull_takes_that_much_longer(renter: Renter) -> None:
    renter.double.trouble({"kind": "pull_slow", "factor": 1e6})
    id = renter.rent()
    renter.until(id, "loading")
    assert "(0.0%)" in renter.row(id)["status_msg"]
    renter.double.trouble({"kind": "calm"})
    renter.until(id, "running")


def test_a_broken_host_says_oci_runtime_create_failed_and_bills_no_gpu(renter: Renter) -> None:
    renter.double.trouble({"kind": "oci_failure"})
    id = renter.rent()
    until(lambda: "OCI runtime create failed" in (renter.row(id)["status_msg"] or ""))
    assert renter.status(id) == "created"
    assert renter.double.bill().rows[0].gpu_seconds == 0


def test_a_flawed_host_fails_without_any_trouble() -> None:
    flawed = replace(make_market(1, WorldClock().now())[0], flaw="oci", rented=False)
    with renting(market=(flawed,)) as renter:
        id = renter.rent(flawed.id)
        until(lambda: "OCI runtime create failed" in (renter.row(id)["status_msg"] or ""))


def test_running_can_mean_unreachable(renter: Renter) -> None:
    renter.double.trouble({"kind": "unreachable"})
    id = renter.running()
    assert renter.double.pids() == {}
    port = renter.row(id)["ports"]["8443/tcp"][0]["HostPort"]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=1)
    renter.sdk.stop_instance(id)
    renter.until(id, "exited")


def test_a_status_can_lag_and_flap_and_never_come(renter: Renter) -> None:
    renter.double.trouble({"kind": "status_lag", "seconds": 1e6})
    id = renter.rent()
    until(lambda: id in renter.double.pids())
    assert renter.status(id) is None
    renter.double.calm("status_lag")
    renter.double.trouble({"kind": "flap", "every": 10, "status": "offline"})
    renter.until(id, "offline")
    renter.until(id, "running")
    renter.double.trouble({"kind": "never_starts"})
    assert renter.status(renter.rent()) is None


def test_address_and_ports_can_change_at_the_next_start(renter: Renter) -> None:
    id = renter.running()
    port = renter.row(id)["ports"]
    renter.double.trouble({"kind": "ip_changes", "to": "127.0.0.2", "instance_id": id})
    renter.double.trouble({"kind": "ports_change", "instance_id": id})
    renter.sdk.stop_instance(id)
    renter.until(id, "exited")
    renter.sdk.start_instance(id)
    row = renter.until(id, "running")
    assert (row["public_ipaddr"].strip(), row["ports"] == port) == ("127.0.0.2", False)
    env = environment(renter, id)
    assert env["PUBLIC_IPADDR"] == "127.0.0.1"
    assert env["ERT_BIND"].startswith("127.0.0.2:")


def test_variables_can_be_added_and_the_containers_key_left_out(renter: Renter) -> None:
    renter.double.trouble({"kind": "no_container_key"})
    renter.double.trouble({"kind": "machine_env", "env": {"ERT_SANDBOX_PULL_MBPS": 5}})
    env = environment(renter, renter.running())
    assert "CONTAINER_API_KEY" not in env
    assert env["ERT_SANDBOX_PULL_MBPS"] == "5"


def test_a_command_that_cannot_run_is_a_broken_host() -> None:
    with renting(command=["/no/such/program"]) as renter:
        id = renter.rent()
        until(lambda: "OCI runtime create failed" in (renter.row(id)["status_msg"] or ""))


@pytest.mark.parametrize(
    "bad",
    [{}, {"kind": "bad weather"}, {"kind": "crash", "how": "hard"}, {"kind": "rate_limit", "form": "poem"}],
)
def test_a_trouble_that_does_not_exist_is_a_value_error(renter: Renter, bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        renter.double.trouble(bad)


def test_troubles_can_be_aimed_and_seen(renter: Renter) -> None:
    first, second = renter.offers()[:2]
    renter.double.trouble({"kind": "never_starts", "machine_id": first["machine_id"]})
    assert renter.double.pending()["troubles"] == [
        {"kind": "never_starts", "left": None, "instance_id": None, "machine_id": first["machine_id"], "offer_id": None}
    ]
    lucky = renter.rent(second["id"])
    unlucky = renter.rent(first["id"])
    renter.until(lucky, "running")
    assert renter.status(unlucky) is None


def test_a_price_that_changes_is_that_of_new_rentals_only(renter: Renter) -> None:
    offer = renter.offers()[0]
    id = renter.rent(offer["id"])
    before = renter.row(id)["dph_total"]
    renter.double.trouble({"kind": "price", "factor": 3})
    assert renter.row(id)["dph_total"] == before
    renter.sdk.destroy_instance(id)
    dearer = next(o for o in renter.offers() if o["id"] == offer["id"])
    assert dearer["dph_base"] == pytest.approx(offer["dph_base"] * 3)


def test_an_arm64_host_is_on_the_market_and_cannot_run_the_image(renter: Renter) -> None:
    (offer, *_) = renter.offers(cpu_arch={"eq": "arm64"})
    id = renter.rent(offer["id"])
    assert "exec format error" in renter.until(id, "exited")["status_msg"]


def test_a_pull_that_fails_stops_the_contract_and_keeps_the_hosts_words(renter: Renter) -> None:
    renter.double.trouble({"kind": "pull_fails", "message": "toomanyrequests: rate limit"})
    id = renter.rent()
    until(lambda: renter.row(id)["intended_status"] == "stopped")
    row = renter.row(id)
    assert (row["actual_status"], row["cur_state"]) == ("loading", "stopped")
    assert "toomanyrequests" in row["status_msg"]
