"""Capabilities of a web app: what its health page declares about servers of OpenAI's API."""

from __future__ import annotations

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, exchange
from ert_deploy.core.model.desired import Target

BOUNDS = Bounds(connect=5, read=10, total=15, size=64 * KIB)


def speaks_openai(app_url: str, target: Target) -> bool | None:
    """Return `features.openai` of the health page, as ERT's dashboard has it; None without that field."""
    try:
        shown = exchange("GET", app_url.rstrip("/") + "/" + target.health_path.lstrip("/"), BOUNDS).json()
    except (NoAnswer, ValueError):
        return None
    features = shown.get("features") if isinstance(shown, dict) else None
    found = features.get("openai") if isinstance(features, dict) else None
    return found if isinstance(found, bool) else None
