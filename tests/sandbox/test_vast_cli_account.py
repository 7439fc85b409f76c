"""The account by the official `vastai` command line: costs that equal the bill, invoices, keys and variables.

Also: every route of the published file, and every one that the package `vastai` calls, behaves as Vast's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from ert_deploy.sandbox.vast.api.absent import ABSENT
from tests.support.vast.cli import Cli, official_cli
from tests.support.vast.world import KEY, Renter, renting, until

pytestmark = pytest.mark.process
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1 me@example"
METHODS = ("get", "put", "post", "delete")


@pytest.fixture(scope="module")
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


@pytest.fixture(scope="module")
def cli(renter: Renter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with official_cli(renter.double.url, tmp_path_factory.mktemp("home"), KEY) as up:
        yield up


def period(renter: Renter) -> tuple[str, int, str, int]:
    now = int(renter.double.clock.now())
    return ("-s", now - 86400, "-e", now + 86400)


def test_charges_are_those_of_the_bill(cli: Cli, renter: Renter) -> None:
    first, second = renter.running(label="one"), renter.running(label="two")
    until(lambda: len(renter.double.bill().rows) == 2 and renter.double.bill().rows[0].gpu_cost > 0)
    for id in (first, second):
        cli("destroy", "instance", id, "-y")
    bill = renter.double.bill()
    page = cli.raw("show", "invoices-v1", "-c", *period(renter))
    assert (page["success"], page["count"], page["total"], page["next_token"]) == (True, 2, 2, None)
    for row, charge in zip(bill.rows, page["results"], strict=True):
        assert (charge["source"], charge["metadata"]["label"]) == (f"instance-{row.instance_id}", row.label)
        assert charge["amount"] == pytest.approx(row.total)
        amounts = {
            kind: sum(i["amount"] for i in charge["items"] if i["type"] == kind) for kind in ("gpu", "disk", "bwd")
        }
        assert amounts == pytest.approx({"gpu": row.gpu_cost, "disk": row.storage_cost, "bwd": row.download_cost})
    shown = cli("show", "invoices-v1", "-c", *period(renter), "-f", "tree", "-v").out
    assert f"Instance {first} Charges - 1 day" in shown
    assert "Showing 2 of 2 results" in shown
    newest = cli.raw("show", "invoices-v1", "-c", *period(renter), "--latest-first", "-l", 1)
    assert newest["results"][0]["source"] == f"instance-{second}"
    rest = cli.raw("show", "invoices-v1", "-c", *period(renter), "--latest-first", "-l", 1, "-t", newest["next_token"])
    assert rest["results"][0]["source"] == f"instance-{first}"
    assert cli.raw("show", "invoices-v1", "-c", *period(renter), "-ct", "volume")["results"] == []
    early = cli.raw("show", "invoices-v1", "-c", "-s", 1_000_000_000, "-e", 1_000_086_400)
    assert early["results"] == []


def test_the_deprecated_history_has_the_same_total(cli: Cli, renter: Renter) -> None:
    now = renter.double.clock.now()
    params: dict[str, Any] = {"sdate": now - 86400, "edate": now + 86400, "inc_charges": "true"}
    both = renter.get("/v0/users/me/invoices", **params).json()
    charged = sum(float(row["amount"]) for row in both["invoices"] if row["type"] == "charge")
    assert charged == pytest.approx(renter.double.bill().total, abs=1e-4)
    assert both["current"]["credit"] == pytest.approx(25 - charged, abs=1e-4)
    shown = cli("show", "invoices", "-s", "2020-01-01", "-e", "2099-01-01")
    assert "Total: $" in shown.out
    assert "Credit" in shown.out
    labelled = cli("show", "invoices", "-s", "2020-01-01", "-e", "2099-01-01", "--instance_label", "one").out
    assert "Instance_" in labelled
    assert labelled.count("gpu") < shown.out.count("gpu")


def test_invoices_are_the_payments(cli: Cli, renter: Renter) -> None:
    page = cli.raw("show", "invoices-v1", "-i", *period(renter))
    assert [(row["type"], row["amount"], row["source"]) for row in page["results"]] == [("credit", -25.0, "stripe")]
    assert "$25.00" in cli("show", "invoices-v1", "-i", *period(renter)).out
    assert cli.raw("show", "invoices-v1", "-i", *period(renter), "-it", "bitpay")["results"] == []
    assert [row["amount_cents"] for row in cli.raw("search", "invoices", "amount_cents>1000")] == [2500]
    assert cli.raw("search", "invoices", "amount_cents>9000") == []
    missing = renter.get("/v0/charges/", select_filters="{}")
    assert (missing.status_code, missing.json()["msg"]) == (400, "Must provide both 'day' gte and lte filters")
    bad = renter.get("/v0/charges/", select_filters='{"day": {"gte": 1, "lte": 2}}', after_token="x")
    assert bad.json()["error"] == "invalid_token"


def test_ssh_keys(cli: Cli, renter: Renter) -> None:
    assert "ssh-key created {'success': True" in cli("create", "ssh-key", SSH_KEY).out
    [key] = cli.raw("show", "ssh-keys")
    assert (key["key"], key["deleted_at"]) == (SSH_KEY, None)
    assert cli.raw("show", "user")["ssh_key"] == SSH_KEY
    id = renter.running()
    assert "SSH key attached successfully" in cli("attach", "ssh", id, SSH_KEY).out
    [attached] = json.loads(renter.get(f"/v0/instances/{id}/ssh/").json()["ssh_keys"])
    assert attached["public_key"] == SSH_KEY
    until(lambda: SSH_KEY in cli("logs", id).out)
    assert "SSH key removed" in cli("detach", "ssh", id, key["id"]).out
    assert "Failed with error 404: SSH key not found." in cli("detach", "ssh", id, key["id"]).err
    assert "'success': True" in cli("update", "ssh-key", key["id"], SSH_KEY.replace("me@", "you@")).out
    assert "'success': True" in cli("delete", "ssh-key", key["id"]).out
    assert cli.raw("show", "ssh-keys") == []
    assert "not a public key" in cli("create", "ssh-key", "hello").err
    renter.sdk.destroy_instance(id)


def test_env_vars_reach_the_containers(cli: Cli, renter: Renter) -> None:
    assert "added successfully" in cli("create", "env-var", "HF_TOKEN", "abc-1").out
    shown = cli("show", "env-vars").out
    assert "Name: HF_TOKEN" in shown
    assert "abc-1" not in shown
    assert cli.raw("show", "env-vars", "-s") == {"HF_TOKEN": "abc-1"}
    id = renter.running()
    until(lambda: '"HF_TOKEN": "abc-1"' in cli("logs", id).out)
    assert "updated successfully" in cli("update", "env-var", "HF_TOKEN", "abc-2").out
    assert "deleted successfully" in cli("delete", "env-var", "HF_TOKEN").out
    assert "Failed with error 400" in cli("delete", "env-var", "HF_TOKEN").err
    renter.sdk.destroy_instance(id)


def test_templates(cli: Cli) -> None:
    cli("create", "template", "--name", "mine", "--image", "a/b", "--ssh", "--direct")
    [mine] = json.loads(cli("search", "templates", "name=mine").out)
    assert (mine["image"], mine["runtype"], mine["private"]) == ("a/b", "ssh", True)
    said = cli("update", "template", mine["hash_id"], "--name", "mine", "--image", "a/c")
    assert said.out.startswith("updated template: {")
    [changed] = json.loads(cli("search", "templates", "name=mine").out)
    assert changed["id"] == mine["id"]
    assert changed["hash_id"] != mine["hash_id"]
    assert "No template found" in cli("update", "template", mine["hash_id"], "--name", "x", "--image", "y").out
    assert "deleted" in cli("delete", "template", "--hash-id", changed["hash_id"]).out
    assert "404 Client Error" in cli("delete", "template", "--template-id", mine["id"]).out
    assert len(json.loads(cli("search", "templates").out)) == 1


def test_price_increases(cli: Cli, renter: Renter) -> None:
    assert cli("show", "pending-price-increases").out == "No pending price increases.\n"
    id = renter.running()
    before = renter.row(id)
    renter.double.trouble({"kind": "price_increase", "instance_id": id, "factor": 2.0, "days": 10})
    [row] = cli.raw("show", "pending-price-increases")["pending_price_increases"]
    assert row["new_gpu_costpersec"] == pytest.approx(row["old_gpu_costpersec"] * 2)
    assert f"Accepted price increase for 1 instance(s): {id}" in cli("accept", "price-increase", id, "--yes").out
    after = renter.row(id)
    assert after["end_date"] == pytest.approx(before["end_date"] + 10 * 86400)
    assert after["dph_base"] == before["dph_base"]
    assert cli("accept", "price-increase", id, "--yes").code == 2
    renter.double.trouble({"kind": "price_increase", "instance_id": id})
    assert f"Rejected price increase for 1 instance(s): {id}" in cli("reject", "price-increase", id, "--yes").out
    assert renter.row(id)["end_date"] == after["end_date"]
    renter.sdk.destroy_instance(id)


def test_volumes_are_none_and_renting_one_is_refused(cli: Cli) -> None:
    assert cli.raw("show", "volumes") == []
    assert cli.raw("search", "volumes", "disk_space>10") == []
    assert "Failed with error 404: Volume offer 5 does not exist." in cli("create", "volume", 5, "-s", 10).err
    assert "Failed with error 404: Volume with that ID" in cli("delete", "volume", 5).err


@pytest.mark.parametrize(
    "command",
    ["show machines", "show subaccounts", "show scheduled-jobs", "tfa status", "prepay instance 5 3", "show deposit 5",
     "copy C.5:/a C.6:/b", "show connections", "search benchmarks", "show endpoints", "show members",
     "search network-volumes", "show ipaddrs", "show audit-logs", "show instance-backups", "reset api-key"],
)  # fmt: skip
def test_what_the_sandbox_does_not_have_is_said(cli: Cli, command: str) -> None:
    said = cli(*command.split())
    assert "Failed with error 404: The sandbox does not have" in said.err
    assert any(reason in said.err for reason, _ in ABSENT)


def ask(renter: Renter, method: str, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {KEY}"}
    url = renter.double.url + re.sub(r"\{[^}]+\}", "7", path)
    return requests.request(method, url, headers=headers, json={}, timeout=10)


def test_every_published_route_is_answered_in_vasts_words(renter: Renter, shared: Path) -> None:
    """No operation of Vast's OpenAPI file is an unknown path."""
    spec = yaml.load((shared / "contracts" / "vast-openapi.yaml").read_text(), yaml.CSafeLoader)
    operations = [(m, path) for path, one in spec["paths"].items() for m in METHODS if m in one]
    assert len(operations) == 100
    unknown = [(m, p) for m, p in operations if ask(renter, m, p).headers["Content-Type"] != "application/json"]
    assert unknown == []


def test_every_route_that_the_official_package_calls_is_answered(cli: Cli, renter: Renter) -> None:
    """The paths are read from its source: `client.get("/..")`."""
    calls = set()
    for file in sorted((cli.package() / "api").glob("*.py")):
        calls |= set(re.findall(r'client\.(get|put|post|delete)\(\s*f?"(/[^"]+)"', file.read_text()))
    assert len(calls) > 100
    unknown = []
    for method, path in sorted(calls):
        versioned = path if path.startswith("/api/v") else f"/api/v0{path}"
        if ask(renter, method, versioned).headers["Content-Type"] != "application/json":
            unknown.append(f"{method} {path}")
    assert unknown == []
