"""Model servers as separate processes: llama.cpp's OpenAI server, the sandbox's Ollama, and the guard."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ert_deploy.sandbox.ollama.weights import ModelFile
from tests.support.backend.rig import ENV, KEY, wait_for

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 240.0  # a small model on a busy machine
CONTEXT = 2048
ONE_THREAD = {"ERT_SANDBOX_THREADS": "1"}  # several slots block each other, which is slow when the cores are busy


def free_port() -> int:
    """Return an unused port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def process(argv: list[str], log: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run one process with a minimal environment; it is terminated at the end of the block."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    paths = f"{ROOT}:{ROOT / 'images' / 'llm-backend'}"
    with log.open("wb") as out:
        running = subprocess.Popen(
            argv, cwd=ROOT, env={**kept, "PYTHONPATH": paths, **env}, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def llama_command(model: ModelFile) -> list[str]:
    """Return the command of llama.cpp's own OpenAI server with the model."""
    return [sys.executable, "-m", "ert_deploy.sandbox.ollama.llama_server", str(model.path), model.name]


@contextlib.contextmanager
def llama_server(model: ModelFile, folder: Path) -> Iterator[str]:
    """Yield the base URL once the server is up."""
    port = free_port()
    env = {"ERT_ENGINE_HOST": f"127.0.0.1:{port}", "ERT_SANDBOX_CONTEXT": str(CONTEXT), **ONE_THREAD}
    with process(llama_command(model), folder / "llama.log", env):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/health"), PATIENCE)
        yield url


@contextlib.contextmanager
def ollama_double(model: ModelFile, folder: Path) -> Iterator[str]:
    """Yield the base URL of the sandbox's Ollama with the same file on its disk."""
    port = free_port()
    env = {
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(folder / "models"),
        "ERT_SANDBOX_MODELS": str(model.path.parent),
        "ERT_SANDBOX_PULL_MBPS": "1000",
        "OLLAMA_CONTEXT_LENGTH": str(CONTEXT),
        "OLLAMA_NUM_PARALLEL": "2",
    }
    with process([sys.executable, "-m", "ert_deploy.sandbox.ollama"], folder / "ollama.log", env):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/api/version"), PATIENCE)
        post(f"{url}/api/pull", {"model": model.name, "stream": False})
        yield url


def answers(url: str) -> bool:
    """Whether a GET returns 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def post(url: str, body: object) -> Any:
    """Return the JSON of a response, whatever its status."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())


@dataclass(frozen=True, slots=True)
class Machine:
    """A guard with its app and its engine; `log` is the output of all of them."""

    guard: subprocess.Popen[bytes]
    data: Path
    port: int
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def client(self) -> httpx.Client:
        tls = ssl.create_default_context(cafile=str(self.data / "tls-cert.pem"))
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"https://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, verify=tls, headers=headers, timeout=PATIENCE, trust_env=False)

    def healthy(self) -> bool:
        with contextlib.suppress(OSError, httpx.HTTPError), self.client() as client:
            return client.get("/health").status_code == 200
        return False

    def pid(self, name: str) -> int:
        """Return the pid of a child, as last logged by the guard."""
        lines = [line for line in self.log.splitlines() if line.startswith(f"guard: {name} started")]
        return int(lines[-1].rpartition(" ")[2])


@contextlib.contextmanager
def machine(model: ModelFile, folder: Path, **more: str) -> Iterator[Machine]:
    """Run a complete machine with llama.cpp's OpenAI server as its engine."""
    port = free_port()
    env = {
        **ENV,
        "ERT_MODEL": model.name,
        "ERT_ENGINE": "openai",
        "ERT_ENGINE_CMD": shlex.join(llama_command(model)),
        "ERT_ENGINE_HOST": f"127.0.0.1:{free_port()}",
        "ERT_SANDBOX_CONTEXT": str(CONTEXT),
        **ONE_THREAD,
        "OLLAMA_CONTEXT_LENGTH": str(CONTEXT),
        "OLLAMA_NUM_PARALLEL": "2",
        "ERT_PROBE_SLOTS": "on",
        "ERT_NUM_PREDICT": "256",
        "ERT_MIN_TOKENS_PER_S": "0",
        "ERT_BIND": f"127.0.0.1:{port}",
        "ERT_DATA_DIR": str(folder / "data"),
        "ERT_GUARD": "off",
        **more,
    }
    log = folder / "guard.log"
    with process([sys.executable, "-m", "ert_backend.guard"], log, env) as running:
        found = Machine(running, folder / "data", port, log)
        wait_for(found.healthy, PATIENCE)
        yield found
