"""Recording of Vast.ai: the calls, all of them reads, of which a recording of an account consists."""

from __future__ import annotations

from ert_deploy.adapters.recorder import Ask, rows

MOST_INSTANCES = 3
NOBODY = 1  # no instance has this id: the response for a missing one
SEARCH = {"verified": {"eq": True}, "rentable": {"eq": True}, "num_gpus": {"eq": 1}, "type": "on-demand", "limit": 5}


def record(ask: Ask) -> None:
    """Ask for the account, its instances, some offers and an instance that does not exist. Raises `CannotObserve`."""
    ask("GET", "/api/v0/users/current/")
    listed = ask("GET", "/api/v1/instances/", params={"limit": "25"})
    ask("POST", "/api/v0/bundles/", body=SEARCH)
    ids = [row["id"] for row in rows(listed, "instances") if type(row.get("id")) is int]
    for id in ids[:MOST_INSTANCES]:
        ask("GET", "/api/v0/instances/{id}/", {"id": str(id)})
    ask("GET", "/api/v0/instances/{missing}/", {"missing": str(NOBODY)})
