"""Double of the dashboard: returns the fingerprint of its environment.

Run as an isolated script (`python -I -S`); the real dashboard needs almost 1 s of CPU time to start.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from small_http import Answer, serve  # type: ignore[import-not-found, unused-ignore]

OWNED = (
    "REMOTE_LLM_INTEGRATION", "ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_TIMEOUT", "ERT_LLM_CA_CERT",
    "OLLAMA_INTEGRATION", "OPENAI_INTEGRATION",
)  # fmt: skip
FINGERPRINT = "ERT_LLM_CONFIG_FINGERPRINT"
MORE = ("_2", "_3")  # ends of the variables of further replicas


def fingerprint(end: str = "") -> str | None:
    """Return the fingerprint variable if it matches the other owned variables, else None.

    `end` is that of the variables of a further replica, such as `_2`.
    """
    owned = {name + end: os.environ[name + end] for name in OWNED if name + end in os.environ}
    text = json.dumps(owned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    told = os.environ.get(FINGERPRINT + end)
    return told if told == hashlib.sha256(text.encode()).hexdigest()[:16] else None


def main() -> None:
    """Serve on PORT until terminated."""
    shown = fingerprint()
    state = "complete" if shown else "torn" if FINGERPRINT in os.environ else "absent"
    instance = os.environ.get("RENDER_INSTANCE_ID")
    more = {f"fingerprint{end}": fingerprint(end) for end in MORE}
    body = {"status": "healthy", "fingerprint": shown, "configuration": state, "instance": instance, **more}
    said: Answer = (200, body)
    serve(int(os.environ["PORT"]), lambda _path, _authorization, _body: said)


if __name__ == "__main__":
    main()
