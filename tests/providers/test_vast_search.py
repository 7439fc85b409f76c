"""Search for offers by the Vast adapter: the units of its request, and present or missing fields of a response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ert_deploy.core.model.desired import Criteria
from ert_deploy.core.model.errors import CannotObserve
from tests.support.vast.wire import LAUNCH, Wire


def test_a_search_is_sent_in_the_units_of_the_server(wire: Wire) -> None:
    wire.says("search", {"offers": []})
    wire.host.search(Criteria(max_dph=0.5, countries=("SE", "US"), gpu_names=("RTX 3090",)), LAUNCH)
    body = json.loads(wire.got[0].body)
    assert body["gpu_ram"] == {"gte": 22500}
    assert body["duration"] == {"gte": 259200.0}
    assert body["geolocation"] == {"in": ["SE", "US"]}
    assert body["cpu_arch"] == {"eq": "amd64"}
    assert (body["allocated_storage"], body["type"], body["order"]) == (40, "on-demand", [["dph_total", "asc"]])


@pytest.mark.parametrize(
    ("said", "asked", "unasked"), [("arm64", "arm64", "arm64"), ("amd64", "amd64", "amd64"), (None, "amd64", "")]
)
def test_a_row_that_does_not_say_its_cpu_is_believed_only_where_it_was_asked_for(
    wire: Wire, said: str | None, asked: str, unasked: str
) -> None:
    wire.says("search", {"offers": [{"id": 1, "machine_id": 2, "cpu_arch": said}]})
    for wide, expected in ((False, asked), (True, unasked)):
        (found,) = wire.host.search(Criteria(max_dph=0.5), LAUNCH, wide=wide)
        assert found.cpu_arch == expected


def test_an_offer_with_a_missing_price_is_kept_apart_by_the_filters(wire: Wire) -> None:
    wire.says("search", {"offers": [{"id": 1, "machine_id": 2, "gpu_name": "RTX 3090"}, {"id": "x"}]})
    (found,) = wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    assert found.id == "1"
    assert found.dph_total != found.dph_total


@pytest.mark.parametrize("answer", [{}, {"offers": None}, {"offers": {}}, {"offers": [7]}, []])
def test_a_search_answer_that_is_not_one_raises(wire: Wire, answer: Any) -> None:
    wire.says("search", answer)
    with pytest.raises(CannotObserve):
        wire.host.search(Criteria(max_dph=0.5), LAUNCH)
