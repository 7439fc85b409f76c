"""Keys of the gateway: the one that its clients show, and the backend's where no app's variables are read."""

from __future__ import annotations

import os

from ert_deploy.config import KeySource, read_key
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.endpoints import own_key

KEY, BACKEND_KEY = "ERT_GATEWAY_KEY", "ERT_GATEWAY_BACKEND_KEY"


def gateway_key(agent: Secret) -> Secret:
    """Return the key that clients of the gateway show. Raises UsageError, also if it is that of the agent."""
    hint = "`openssl rand -hex 32` makes one; clients send it as their API key"
    if not os.environ.get(KEY):
        raise UsageError(f"the key of the gateway is missing: {KEY} is not set", hint=hint)
    key = own_key("gateway", KEY, hint)
    if key == agent:
        raise UsageError(f"{KEY} is the key of the agent, which may do more than a client of the gateway", hint=hint)
    return key


def backend_key(*, needed: bool) -> Secret | None:
    """Return the backend's key from the environment, None if it is not set. Raises UsageError if it is needed."""
    if not os.environ.get(BACKEND_KEY):
        if needed:
            raise UsageError(
                f"the gateway cannot read the backend's key from the app's variables, and {BACKEND_KEY} is not set",
                hint="set it to the value of ERT_LLM_API_KEY, or give the agent a key of the web host",
            )
        return None
    key = read_key(KeySource("backend", BACKEND_KEY), os.environ)
    redaction.hold(key.reveal())
    return key
