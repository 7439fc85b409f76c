"""Recording of Render: the calls, all of them reads, of which a recording of an account consists."""

from __future__ import annotations

from ert_deploy.adapters.recorder import Ask, object_of
from ert_deploy.providers.render.web import SERVICE_ID

NOBODY = "srv-00000000000000000000"


def record(ask: Ask, service: str) -> None:
    """Ask for user, workspace and one service, given by name or id. Raises `CannotObserve`."""
    ask("GET", "/users")
    ask("GET", "/owners", params={"limit": "1"})
    known = service if SERVICE_ID.fullmatch(service) else ""
    if not known:
        listed = ask("GET", "/services", params={"name": service, "limit": "20"})
        found = [
            str(object_of(object_of(row).get("service")).get("id", ""))
            for row in (listed if isinstance(listed, list) else [])
        ]
        known = next((id for id in found if SERVICE_ID.fullmatch(id)), NOBODY)
    for rest, params in (("", {}), ("/deploys", {"limit": "5"}), ("/events", {"limit": "20"}), ("/instances", {})):
        ask("GET", "/services/{service}" + rest, {"service": known}, params=params)
