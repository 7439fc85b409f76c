"""Document of kept values: the variables of one service as JSON text, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret

FORMAT = "ert-deploy keys"
MOST_BYTES = 256 * 1024
_LOST = "remove it; the next `ert-deploy up` gives the backend another key"


def encode(values: Mapping[str, Secret]) -> str:
    """Return the text for the values of a service."""
    plain = {name: value.reveal() for name, value in sorted(values.items())}
    return json.dumps({"format": FORMAT, "values": plain})


def decode(text: str, where: str) -> dict[str, Secret]:
    """Return the values of a text; raise `UsageError` for any other text, of which nothing is repeated."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{where}: is damaged", hint=_LOST) from None
    values = found.get("values") if isinstance(found, dict) and found.get("format") == FORMAT else None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise UsageError(f"{where}: is not what ert-deploy keeps keys in", hint=_LOST)
    return {name: Secret(value) for name, value in values.items()}
