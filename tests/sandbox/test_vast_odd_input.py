"""Odd input to every route of the sandbox's Vast: a response in JSON below 500, and the next call works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.vast.api.routes import routes
from tests.support.vast.world import KEY, Renter, renting

BODIES: tuple[Any, ...] = (
    None, [], "x", 7, {}, {"id": None}, {"ids": ["x"], "instance_ids": [None], "state": 5, "label": []},
    {"name": 5, "image": [], "env": "-p x -q", "template_id": {}, "hash_id": []},
    {"name": "n", "image": "i", "env": "-e 'a", "recommended_disk_space": "much"},
    {"image": "i", "env": [1], "template_hash_id": "661d064bbda1f2a133816b6d55da07c3", "disk": []},
    {"image": "i", "env": {}, "args_str": "'", "disk": 10},
    {"q": {"num_gpus": {"eq": []}, "limit": [], "order": 5}, "image": "i"},
    {"q": {"num_gpus": {"gte": {}}, "geolocation": {"in": [None, 5, {}]}}, "image": "i", "disk": 10},
    {"ssh_key": {}, "key": [], "value": 5, "permissions": [], "pending_price_increase_id": 1e400, "price": "x"},
    {"contract_ids": [{}], "label": 5, "command": None, "tail": {}},
)  # fmt: skip
FILTERS: tuple[Any, ...] = (
    "{", 5, {"day": 5, "when": []}, {"day": {"gte": 1e999, "lte": "x"}, "when": {"gte": None, "lte": 5}},
    {"day": {"gte": -1e308, "lte": 1e400}, "when": {"gte": 0, "lte": 1e999}, "type": {"in": 5}, "name": {"eq": {}}},
    {"day": {"gte": 0, "lte": 1e11}, "when": {"gte": 0, "lte": 1e11}, "type": {"in": [{}]}, "service": 3},
)  # fmt: skip


@pytest.fixture(scope="module")
def renter() -> Iterator[Renter]:
    with renting(credit=1000.0) as up:
        up.double.trouble({"kind": "never_starts"})
        up.rent()
        yield up


@pytest.mark.parametrize("id", ["7", "x", "99999999999999999999"])
def test_odd_input_is_answered_in_json_below_500(renter: Renter, id: str) -> None:
    session, odd = requests.Session(), []
    session.headers["Authorization"] = f"Bearer {KEY}"
    for method, pattern, _, _ in routes():
        path = renter.double.url + re.sub(r"\{\w+\}", id, pattern)
        queries = [{"select_filters": json.dumps(one), "q": json.dumps(one), "limit": "x"} for one in FILTERS]
        sent = [{"data": json.dumps(body)} for body in BODIES] if method != "GET" else [{"params": q} for q in queries]
        for what in sent:
            try:
                said = session.request(method, path, timeout=10, **what)
            except requests.ConnectionError:
                odd.append((method, pattern, what, 0))
                continue
            if said.status_code >= 500 or said.headers["Content-Type"] != "application/json":
                odd.append((method, pattern, what, said.status_code))
    assert odd == []
    assert renter.get("/v1/instances/").status_code == 200


def test_filters_are_read_whatever_the_other_parameters_are(renter: Renter) -> None:
    for one in FILTERS:
        for path in ("/v0/charges/", "/v1/invoices/", "/v0/template/", "/v0/invoices/"):
            text = one if isinstance(one, str) else json.dumps(one)
            said = renter.get(path, select_filters=text, limit="0", latest_first="yes")
            assert said.status_code in (200, 400)
            assert said.headers["Content-Type"] == "application/json"
