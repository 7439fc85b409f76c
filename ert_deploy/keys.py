"""Key generator: `python -m ert_deploy.keys` writes a new API key and its SHA-256. Needs no config and no network."""

from __future__ import annotations

import secrets
import sys

from ert_deploy.core.model.keys import KEY_BYTES, make_key
from ert_deploy.core.model.secret import Secret


def generate() -> Secret:
    """Return a new key: `ert-` and 32 URL-safe characters of the operating system's randomness."""
    return make_key(secrets.token_bytes(KEY_BYTES))


def text_of(key: Secret) -> str:
    """Return the two lines for the user: the key, which the app gets, and its hash, which the backend gets."""
    return f"API key  {key.reveal()}\nSHA-256  {key.sha256()}\n"


if __name__ == "__main__":
    sys.stdout.write(text_of(generate()))
