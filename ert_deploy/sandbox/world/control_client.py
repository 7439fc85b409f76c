"""Client of the control API of a running sandbox."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from ert_deploy.sandbox.world.file import WorldError, WorldFile

TIMEOUT = 10.0


def ask(world: WorldFile, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a request and return the JSON response. Raises `WorldError` for an error response or a failed connection."""
    address = urlsplit(world.control_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=TIMEOUT)
    headers = {"Authorization": f"Bearer {world.control_key}"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said: dict[str, Any] = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise WorldError(f"the sandbox does not respond: {type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status >= 400:
        raise WorldError(f"the sandbox rejected the request: {said.get('error', answer.status)}")
    return said
