"""Double of the GPU image: proves its identity, is always ready, and accepts keys. It has no model.

Run as an isolated script (`python -I -S`), because the real image needs almost 1 s of CPU time to start. It
implements the API and environment of the image without its code; `tests/e2e` and `ERT_KILLS_APPS=real` run the image.
"""

import hashlib
import hmac
import json
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from small_http import Answer, serve  # type: ignore[import-not-found, unused-ignore]

CERTIFICATES = 16


def main() -> None:
    """Serve on ERT_BIND until terminated."""
    env = os.environ
    number = int(env["CONTAINER_ID"]) // 11 % CERTIFICATES
    pem = Path(env["ERT_KILLS_CERTIFICATES"]) / f"{number}.pem"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(_first(pem.read_text()))).digest()
    kept = Path(env["ERT_DATA_DIR"]) / "keys.json"  # on the disk, which is kept by a stop
    keys: dict[str, Any] = {"generation": 0, "hashes": env["ERT_KEY_HASHES"].split(",")}
    keys.update(json.loads(kept.read_text()) if kept.exists() else {})
    admin = hmac.new(bytes.fromhex(env["ERT_BOOT_SECRET"]), b"ert-backend admin 1", hashlib.sha256).hexdigest()

    def change(wanted: dict[str, Any]) -> Answer:
        if wanted != keys and wanted["generation"] <= keys["generation"]:
            return 409, {}
        keys.update(wanted)
        kept.with_suffix(".new").write_text(json.dumps(keys))
        kept.with_suffix(".new").replace(kept)
        return 200, in_force()

    def in_force() -> dict[str, Any]:
        return {"generation": keys["generation"], "keys": [{"sha256": digest} for digest in keys["hashes"]]}

    def answer(path: str, authorization: str, body: bytes) -> Answer:
        if path.startswith("/identity?nonce="):
            nonce = bytes.fromhex(path.partition("=")[2])
            proof = hmac.new(bytes.fromhex(env["ERT_BOOT_SECRET"]), nonce + digest, hashlib.sha256).hexdigest()
            named = {name: env[f"ERT_{name.upper()}"] for name in ("deployment", "token", "spec")}
            return 200, {**named, "cert_sha256": digest.hex(), "proof": proof}
        if path in ("/health", "/admin/keys") and (said := _told(env)):
            return _in_its_words(path, said)
        if path == "/health":
            about = {"ollama_status": "online", "uptime": 1, "engine": "ollama 0.35.0", "version": "0", "timestamp": ""}
            return 200, {"status": "healthy", "model": env["ERT_MODEL"], **about}
        key = authorization.removeprefix("Bearer ")
        if path == "/admin/keys" and key == admin:
            return change(json.loads(body)) if body else (200, in_force())
        if hashlib.sha256(key.encode()).hexdigest() not in keys["hashes"]:
            return 401, {}
        return 200, {"queue": {"depth": 0, "active": 0}}

    serve(int(env["ERT_BIND"].rpartition(":")[2]), answer, tls)


def _in_its_words(path: str, said: str) -> Answer:
    if path == "/health":
        return 503, {"status": said, "model": said, "progress": {"phase": said, "detail": said}}
    return 403, {"detail": said}


def _told(env: Mapping[str, str]) -> str:
    """Return the false status from the file `says`, or an empty string."""
    said = Path(env["ERT_KILLS_CERTIFICATES"]).parent / "says"
    return said.read_text() if said.exists() else ""


def _first(pem: str) -> str:
    end = "-----END CERTIFICATE-----"
    return pem.partition(end)[0] + end


if __name__ == "__main__":
    main()
