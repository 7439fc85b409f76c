"""The import of the SDK: without its unused half, and complete for a later regular import."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from ert_deploy.providers.vast.session import Session
from ert_deploy.core.model.secret import Secret
sdk = Session(Secret("a" * 64), "http://127.0.0.1:9", None, 5.0).sdk
assert type(sdk).__module__ == "vastai.sdk", type(sdk)
assert not {"aiohttp", "Crypto", "vastai.serverless"} & sys.modules.keys()
import vastai.serverless.client.client
assert "aiohttp" in sys.modules
"""


def test_the_sdk_is_imported_without_its_serverless_half_which_stays_importable() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
