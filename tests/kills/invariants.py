"""Checks of a `Stage`, and the final state in a form that is comparable between runs."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import requests

from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.adapters.clock import SystemEntropy
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from ert_deploy.sandbox.vast.contract import Contract
from tests.kills.stage import Desk, Stage
from tests.kills.standin_app import FINGERPRINT, MORE, OWNED

URL, KEY, CERTIFICATE = "ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT"
MOST_PAID = 2
ALL_OWNED = frozenset(name + end for name in (*OWNED, FINGERPRINT) for end in ("", *MORE))
RUNNING, STOPPED = ("running", "running"), ("stopped", "")


def books(stage: Stage, most: int = MOST_PAID) -> None:
    """Check that the bill matches all instances, and that at most `most` of them existed at any time."""
    contracts, bill = stage.contracts(), stage.vast.bill()
    assert [row.instance_id for row in bill.rows] == [c.id for c in contracts], "an instance is not on the bill"
    assert set(bill.running) == {c.id for c in contracts if c.destroyed is None}, "what bills is not what exists"
    for row in bill.rows:
        assert abs(row.total - row.gpu_cost - row.storage_cost - row.download_cost) < 1e-9
        assert row.storage_seconds > 0, f"{row.instance_id} existed for nothing"
    assert abs(bill.total - sum(row.total for row in bill.rows)) < 1e-9
    assert stage.most_at_once() <= most, f"{stage.most_at_once()} were paid at once"
    kept = {name: value for name, value in stage.variables().items() if name not in ALL_OWNED}
    assert kept == stage.unrelated, "a variable of somebody else has changed"


def nothing_lost(stage: Stage, desk: Desk | None = None) -> None:
    """Check that every existing instance has a record or a tombstone in the state, with the same token."""
    parts = _parts(desk or stage.desk)
    known = {(str(row["id"]), row["token"]) for name in ("records", "tombstones") for row in _rows(parts, name)}
    for contract in stage.existing():
        assert (str(contract.id), token_of(contract)) in known, f"instance {contract.id} is in no state"


def token_of(contract: Contract) -> str:
    """Return the token from `Contract.label`."""
    return (contract.label or "").rpartition(":")[2]


def end(stage: Stage, desk: Desk | None = None) -> dict[str, Any]:
    """Return the final state without values that vary between runs (ids, tokens, keys, times)."""
    parts = _parts(desk or stage.desk)
    return {
        "exist": [_shape(c) for c in stage.existing()],
        "ever made": len(stage.ours()),
        "records": [(bool(r["certificate"]), bool(r.get("stranded"))) for r in _rows(parts, "records")],
        "tombstones": len(_rows(parts, "tombstones")),
        "intents": len([i for i in _rows(parts, "intents") if not i["gone"]]),
        "denied": len(_rows(parts, "denied")),
        "rollouts": [r["proven"] > 0 for r in _rows(parts, "rollouts")],
        "app": app(stage),
        "more": {end: seen for end in MORE if (seen := app(stage, end))["variables"]},
    }


def _parts(desk: Desk) -> list[dict[str, Any]]:
    """Return the stored state of each replica."""
    state = desk.state().get("state", {})
    return [state, *state.get("replicas", ())]


def _rows(parts: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for part in parts for row in part.get(name, ())]


def _shape(contract: Contract) -> tuple[str, str]:
    """Return the intended status, and the phase if it is to run; the phase of a stop is not deterministic."""
    return contract.intended, str(contract.phase) if contract.intended == "running" else ""


def app(stage: Stage, end: str = "") -> dict[str, Any]:
    """Return the state of the service's variables and whether the running app uses them; `end` is as in `MORE`."""
    variables, owned = stage.variables(), {name + end for name in (*OWNED, FINGERPRINT)}
    exist = {f"https://127.0.0.1:{port}": c for c in stage.existing() for port in c.ports.values()}
    backend = exist.get(variables.get(URL + end, ""))
    said = requests.get(f"{stage.file.app_url}/health", timeout=10).json()
    return {
        "variables": sorted(name for name in variables if name in owned),
        "leads to": _shape(backend) if backend else "nowhere" if URL + end in variables else "nothing",
        "key": backend is not None
        and _takes(stage, backend, variables.get(KEY + end, ""), variables.get(CERTIFICATE + end, "")),
        "runs": said[f"fingerprint{end}"] == variables.get(FINGERPRINT + end) and said["configuration"],
    }


def _takes(stage: Stage, backend: Contract, key: str, certificate: str) -> bool:
    """Whether the backend accepts the key: checked by a request if it is running, otherwise on its disk."""
    if _shape(backend) != RUNNING:
        (kept,) = stage.directory.rglob(f"instances/{backend.id}/disk/keys.json")
        return hashlib.sha256(key.encode()).hexdigest() in json.loads(kept.read_text())["hashes"]
    (port,) = backend.ports.values()
    env, address = backend.order.env, Address("127.0.0.1", int(port))
    probe = TlsBackendProbe(SystemEntropy(), allow_loopback=True)
    mark = Mark(str(env["ERT_DEPLOYMENT"]), str(env["ERT_TOKEN"]))
    assert probe.probe(address, mark, Secret(str(env["ERT_BOOT_SECRET"])), "").certificate == certificate
    return probe.accepts(address, certificate, Secret(key))


def is_up(stage: Stage) -> None:
    """Check that one instance is running, that the app uses it, and that the state has only its record."""
    seen = end(stage)
    assert seen["exist"] == [RUNNING], seen
    assert seen["records"] == [(True, False)], seen
    assert (seen["tombstones"], seen["intents"]) == (0, 0), seen
    assert seen["app"]["leads to"] == RUNNING, seen
    assert (seen["app"]["key"], seen["app"]["runs"]) == (True, "complete"), seen


def are_up(stage: Stage) -> None:
    """Check that two replicas are running on different machines, that the app uses both, and their records."""
    seen, machines = end(stage), {c.ask.machine_id for c in stage.existing()}
    assert (seen["exist"], len(machines)) == ([RUNNING, RUNNING], 2), seen
    assert seen["records"] == [(True, False), (True, False)], seen
    assert (seen["tombstones"], seen["intents"]) == (0, 0), seen
    for each in (seen["app"], seen["more"]["_2"]):
        assert (each["leads to"], each["key"], each["runs"]) == (RUNNING, True, "complete"), seen


def is_asleep(stage: Stage) -> None:
    """Check that one stopped instance exists, without GPU costs, and that the app still has its address."""
    _rests(stage, proven=True)


def is_asleep_again(stage: Stage) -> None:
    """Check the same for a new state, in which the identity of the stopped instance is not yet verified."""
    _rests(stage, proven=False)


def _rests(stage: Stage, *, proven: bool) -> None:
    seen = end(stage)
    assert seen["exist"] == [STOPPED], seen
    assert seen["records"] == [(proven, False)], seen
    assert (seen["tombstones"], seen["intents"]) == (0, 0), seen
    assert seen["app"]["leads to"] == STOPPED, seen
    assert all(span.end is not None for c in stage.existing() for span in c.meter.gpu), "a GPU is paid"


def is_down(stage: Stage) -> None:
    """Check that no instance exists, that the state is empty, and that the app has no address."""
    seen = end(stage)
    assert (seen["exist"], seen["records"], seen["tombstones"], seen["intents"]) == ([], [], 0, 0), seen
    assert not {URL, KEY, CERTIFICATE} & set(seen["app"]["variables"]), seen
    assert seen["app"]["runs"], seen
