"""Test the running backend with common client libraries: `python -m tests.clients`. Exit code 1 when one fails.

Each client has its own environment, given as `NAME=PATH` of its interpreter; the backend is the real one over TLS,
with a scripted model, so that every response is known. OpenAI's Python client also asks the agent's gateway before it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.clients import gateway
from tests.support.backend.rig import KEY, Backend, running
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

HERE = Path(__file__).parent
SCRIPTS = {
    "openai": HERE / "openai_python.py",
    "langchain": HERE / "langchain_python.py",
    "litellm": HERE / "litellm_python.py",
    "npm": HERE / "npm" / "openai_npm.mjs",
}
PATIENCE = 300


def scripted(body: Line) -> Iterable[Line]:
    """Return a call to an offered tool, a sentence with its result, JSON for a schema, and a greeting otherwise."""
    if body["messages"][-1]["role"] == "tool":
        return says("It is ", f"{body['messages'][-1]['content']} degrees.")
    if body.get("tools"):
        call = {"function": {"name": body["tools"][0]["function"]["name"], "arguments": {"city": "Oslo"}}}
        return [{"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False}, *says()]
    if body.get("format"):
        return says('{"city": ', '"Oslo"}')
    return says("Good ", "day.", thinking="hm")


def ask(name: str, interpreter: str, backend: Backend) -> bool:
    """Run one client and print its output; return whether it succeeded."""
    certificate = str(backend.identity.certificate)
    env = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", ""),
        "OPENAI_BASE_URL": f"{backend.url}/v1",
        "OPENAI_API_KEY": KEY,
        "SSL_CERT_FILE": certificate,
        "NODE_EXTRA_CA_CERTS": certificate,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run([interpreter, str(SCRIPTS[name])], env=env, timeout=PATIENCE, check=False)
    sys.stdout.write(f"{name:10s} {'holds' if done.returncode == 0 else 'FAILS'}\n")
    sys.stdout.flush()
    return done.returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every given client passes, 1 when one fails, 2 without clients or for an unknown one."""
    given = dict(word.partition("=")[::2] for word in arguments)
    if not given or set(given) - set(SCRIPTS):
        sys.stderr.write(f"usage: python -m tests.clients NAME=INTERPRETER..., of {', '.join(SCRIPTS)}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, ScriptedOllama() as ollama:
        ollama.chat = scripted
        with running(Path(folder), ollama.host) as backend:
            backend.wait_ready()
            results = [ask(name, interpreter, backend) for name, interpreter in given.items()]
            if (interpreter := given.get("openai")) is not None:
                results += [gateway.ask(interpreter, backend, part) for part in gateway.PARTS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
