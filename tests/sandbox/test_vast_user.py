"""The account on the sandbox's Vast: keys with some permissions, and variables that are set in every container."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from ert_deploy.sandbox.vast.api import absent
from ert_deploy.sandbox.vast.api.routes import ROUTES
from ert_deploy.sandbox.vast.auth import OPEN
from ert_deploy.sandbox.vast.user.rights import NEEDED
from tests.support.vast.world import Renter, environment, renting


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


def limited(renter: Renter, *categories: str) -> str:
    """Return a new key with these permissions, created by the official SDK."""
    made = renter.sdk.create_api_key("limited", {"api": {name: {} for name in categories}})
    return str(made["key"])


def test_every_operation_has_its_permission() -> None:
    told = {operation for _, _, operation, _ in ROUTES} | {absent.OPERATION, "logs", "execute"}
    assert told - set(OPEN) == set(NEEDED)


@pytest.mark.parametrize(
    ("path", "needed"),
    [("/v1/instances/", "instance_read"), ("/v0/users/current/", "user_read"), ("/v0/secrets/", "user_read")],
)
def test_a_key_reads_what_it_may_and_nothing_else(renter: Renter, path: str, needed: str) -> None:
    others = {"misc", "instance_read", "instance_write", "user_read", "user_write"} - {needed}
    assert renter.get(path, key=limited(renter, needed)).status_code == 200
    refused = renter.get(path, key=limited(renter, *others))
    assert (refused.status_code, refused.json()["error"]) == (403, "not_authorized")
    assert needed in refused.json()["msg"]


def test_renting_and_managing_take_the_right_to_write(renter: Renter) -> None:
    reader, writer = limited(renter, "misc", "instance_read"), limited(renter, "instance_write")
    offer = renter.offers()[0]["id"]
    assert renter.put(f"/asks/{offer}/", renter.body(), key=reader).status_code == 403
    made = renter.put(f"/asks/{offer}/", renter.body(), key=writer)
    id = made.json()["new_contract"]
    assert renter.put(f"/instances/{id}/", {"state": "stopped"}, key=reader).status_code == 403
    assert renter.put(f"/instances/{id}/", {"state": "stopped"}, key=writer).status_code == 200


def test_a_key_that_was_deleted_opens_nothing_and_no_list_shows_a_key(renter: Renter) -> None:
    key = limited(renter, "instance_read")
    rows = renter.get("/v0/auth/apikeys/").json()["apikeys"]
    assert [row["permissions"] for row in rows] == [{"api": {"instance_read": {}}}]
    assert key not in json.dumps(rows)
    headers = {"Authorization": f"Bearer {limited(renter, 'user_write')}"}
    url = f"{renter.double.url}/api/v0/auth/apikeys/{rows[0]['id']}/"
    assert requests.delete(url, headers=headers, timeout=10).json() == {"success": True}
    assert renter.get("/v1/instances/", key=key).status_code == 404
    assert requests.delete(url, headers=headers, timeout=10).status_code == 404


@pytest.mark.parametrize("permissions", [{}, {"api": []}, {"api": {"everything": {}}}, {"api": {"misc": {"limit": 1}}}])
def test_permissions_that_make_no_sense_make_no_key(renter: Renter, permissions: object) -> None:
    with pytest.raises(requests.HTTPError):
        renter.sdk.create_api_key("odd", permissions)


def test_variables_of_the_account_are_in_every_container_that_starts(renter: Renter) -> None:
    renter.sdk.create_env_var("hf_token", "abc-123")
    renter.sdk.create_env_var("greeting", "of-the-account")
    assert renter.sdk.show_env_vars(show_values=True) == {"HF_TOKEN": "abc-123", "GREETING": "of-the-account"}
    first = environment(renter, renter.running())
    assert (first["HF_TOKEN"], first["GREETING"]) == ("abc-123", "hello")
    renter.sdk.update_env_var("HF_TOKEN", "def")
    renter.sdk.delete_env_var("GREETING")
    second = environment(renter, renter.running())
    assert second["HF_TOKEN"] == "def"
    for odd in (("HF_TOKEN", "again"), ("a-b", "x"), ("X", "with space"), ("HTTP_PROXY", "x"), ("API_HOST", "vast.ai")):
        with pytest.raises(requests.HTTPError):
            renter.sdk.create_env_var(*odd)
    for name in ("GONE", ""):
        with pytest.raises(requests.HTTPError):
            renter.sdk.delete_env_var(name)
