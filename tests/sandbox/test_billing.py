"""The billing of the sandbox: billed items, their start and end, and the totals."""

from __future__ import annotations

import json

import pytest

from ert_deploy.sandbox.vast.billing import (
    Bill,
    Meter,
    Span,
    Transfer,
    close_span,
    close_transfers,
    open_span,
    row_of,
)
from tests.support.vast.world import Renter, renting, until


def test_a_span_costs_by_the_second() -> None:
    assert Span(100.0, 0.36, 110.0).cost(now=999.0) == pytest.approx(0.001)
    assert Span(100.0, 0.36).cost(now=3700.0) == pytest.approx(0.36)
    assert Span(100.0, 0.36).cost(now=50.0) == 0.0


def test_another_price_begins_another_span_and_the_same_one_does_not() -> None:
    spans: list[Span] = []
    open_span(spans, 0.0, 0.2)
    open_span(spans, 10.0, 0.2)
    open_span(spans, 20.0, 0.3)
    close_span(spans, 30.0)
    close_span(spans, 99.0)
    assert spans == [Span(0.0, 0.2, 20.0), Span(20.0, 0.3, 30.0)]


def test_a_download_is_billed_by_what_has_arrived() -> None:
    transfers = [Transfer(0.0, speed=0.05, limit=4.0, price=0.02)]
    assert transfers[0].gigabytes(20.0) == pytest.approx(1.0)
    assert transfers[0].gigabytes(1000.0) == 4.0
    close_transfers(transfers, 40.0)
    close_transfers(transfers, 60.0)
    assert transfers[0].gigabytes(1000.0) == pytest.approx(2.0)


def test_a_row_adds_up_gpu_disk_and_download() -> None:
    meter = Meter(
        gpu=[Span(0.0, 1.0, 3600.0), Span(7200.0, 0.5, 9000.0)],
        storage=[Span(0.0, 0.01)],
        transfers=[Transfer(0.0, 1.0, 4.0, 0.02, end=100.0), Transfer(0.0, 1.0, 13.8, 0.02, end=100.0)],
    )
    row = row_of(7, "ert1:x:y", "RTX 3090", meter, now=36000.0)
    assert row.gpu_seconds == 5400.0
    assert row.gpu_cost == pytest.approx(1.25)
    assert row.storage_cost == pytest.approx(0.1)
    assert row.download_gb == pytest.approx(17.8)
    assert row.download_cost == pytest.approx(0.356)
    assert row.total == pytest.approx(1.706)
    assert row.billing


def test_a_bill_says_what_is_running_in_data_and_in_words() -> None:
    open_disk, closed = Meter(storage=[Span(0.0, 0.01)]), Meter(storage=[Span(0.0, 0.01, 3600.0)])
    rows = (row_of(1, None, "L4", open_disk, 3600.0), row_of(2, "b", "A10", closed, 3600.0))
    bill = Bill(3600.0, rows)
    assert bill.running == (1,)
    data = json.loads(json.dumps(bill.as_dict()))
    assert data["running"] == [1]
    assert data["totals"] == {"gpu": 0.0, "storage": pytest.approx(0.02), "download": 0.0, "all": pytest.approx(0.02)}
    assert bill.render_text().endswith("total $0.0200; still running: 1\n")
    assert Bill(0.0).render_text().endswith("still running: nothing\n")


def exact(renter: Renter, id: int) -> dict[str, float]:
    """Return the exact quantities of one instance in the bill."""
    row = next(r for r in renter.double.bill().rows if r.instance_id == id)
    return {"gpu": row.gpu_seconds, "storage": row.storage_seconds, "gb": row.download_gb}


def test_a_life_is_billed_from_running_to_stop_and_its_disk_from_create_to_destroy() -> None:
    with renting() as renter:
        id = renter.rent()
        assert renter.double.bill().running == (id,)
        renter.until(id, "loading")
        assert exact(renter, id)["gpu"] == 0.0
        row = renter.until(id, "running")
        renter.sdk.stop_instance(id)
        stopped = exact(renter, id)
        assert stopped["gpu"] > 0
        renter.until(id, "exited")
        assert exact(renter, id)["gpu"] == stopped["gpu"]
        until(lambda: exact(renter, id)["storage"] > stopped["storage"] + 50)
        renter.sdk.destroy_instance(id)
        bill = renter.double.bill()
        assert bill.running == ()
        [line] = bill.rows
        assert line.gpu_cost == pytest.approx(line.gpu_seconds / 3600 * row["dph_base"])
        assert line.storage_cost == pytest.approx(line.storage_seconds / 3600 * row["storage_total_cost"])
        assert 4.0 <= line.download_gb <= 4.0 + 13.8
        assert line.download_cost == pytest.approx(line.download_gb * row["inet_down_cost"])
        assert renter.double.bill().total == bill.total
        assert renter.sdk.show_user()["credit"] == pytest.approx(25.0 - bill.total)


def test_the_image_is_downloaded_once_and_the_model_too_unless_the_machine_says_otherwise() -> None:
    with renting(model_gb={"gpt-oss:20b": 0.5}) as renter:
        id = renter.running()
        until(lambda: exact(renter, id)["gb"] == pytest.approx(4.5))
        for order in (renter.sdk.stop_instance, renter.sdk.start_instance):
            order(id)
            renter.until(id, "exited" if order == renter.sdk.stop_instance else "running")
        assert exact(renter, id)["gb"] == pytest.approx(4.5)
        renter.double.downloaded(id, 2.0)
        assert exact(renter, id)["gb"] == pytest.approx(6.5)
        with pytest.raises(KeyError):
            renter.double.downloaded(1, 2.0)
