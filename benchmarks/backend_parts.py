"""Processes for `benchmarks/backend.py`: the scripted engine, the backend, and LiteLLM."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LITELLM = ROOT / ".bench" / "bin" / "litellm"
MODEL, WORD = "bench:1b", "figure "
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Target:
    """Process to measure: its port, the request to send, and the bytes contained once in every token."""

    name: str
    port: int
    head: bytes
    body: Mapping[str, object]
    mark: bytes
    certificate: Path | None = None


@contextlib.contextmanager
def everything(delay: float, tokens: int) -> Iterator[list[Target]]:
    """Start all targets; stop them when the context exits."""
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as ends:
        folder = Path(place)
        engine = _engine(folder, delay, tokens, ends)
        targets = [_target("engine", engine, "/api/chat", "", {"model": MODEL, "options": {"num_ctx": 4096}})]
        targets.append(_backend(folder, engine, ends))
        if not LITELLM.is_file():
            raise SystemExit("LiteLLM is missing: it is not installed in .bench (`make bench-backend` installs it)")
        targets.append(_litellm(folder, engine, ends))
        yield targets


def _target(name: str, port: int, path: str, key: str, more: Mapping[str, object], pem: Path | None = None) -> Target:
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}Content-Type: application/json\r\n"
    body = {"messages": [{"role": "user", "content": "Write about the company."}], "stream": True, **more}
    return Target(name, port, head.encode(), body, WORD.strip().encode(), pem)


def _engine(folder: Path, delay: float, tokens: int, ends: contextlib.ExitStack) -> int:
    script = folder / "script.json"
    reply = {"content": WORD * tokens, "token_delay": delay}
    script.write_text(json.dumps({"models": [{"name": MODEL}], "replies": [reply]}))
    port = _free_port()
    # All streams run concurrently, so that the queue of the engine is not measured.
    env = {"OLLAMA_HOST": f"127.0.0.1:{port}", "ERT_OLLAMA_SCRIPT": str(script), "OLLAMA_NUM_PARALLEL": "64"}
    _start([sys.executable, "-m", "ert_deploy.sandbox.ollama"], env, ends)
    _wait(lambda: _answers(f"http://127.0.0.1:{port}/api/version"))
    return port


def _backend(folder: Path, engine: int, ends: contextlib.ExitStack) -> Target:
    key, port = f"ert-{secrets.token_urlsafe(24)}", _free_port()
    (folder / "data").mkdir()
    env = {
        "ERT_DEPLOYMENT": "bench",
        "ERT_TOKEN": secrets.token_hex(16),
        "ERT_SPEC": secrets.token_hex(8),
        "ERT_KEY_HASHES": hashlib.sha256(key.encode()).hexdigest(),
        "ERT_BOOT_SECRET": secrets.token_hex(32),
        "ERT_MODEL": MODEL,
        "ERT_BIND": f"127.0.0.1:{port}",
        "ERT_DATA_DIR": str(folder / "data"),
        "PUBLIC_IPADDR": "127.0.0.1",
        "OLLAMA_HOST": f"127.0.0.1:{engine}",
        "OLLAMA_CONTEXT_LENGTH": "4096",
        # As many as the engine accepts, from one key, so that no limit of the backend is measured.
        "ERT_CHAT_LIMIT": "64",
        "ERT_CHAT_KEY_LIMIT": "64",
        "ERT_CHAT_KEY_TOKENS": "999999999",
        "OLLAMA_NUM_PARALLEL": "64",
        "ERT_PROBE_SLOTS": "off",
        "PYTHONPATH": str(ROOT / "images" / "llm-backend"),
    }
    _start([sys.executable, "-m", "ert_backend"], env, ends)
    pems = folder / "data"
    _wait(lambda: bool(list(pems.rglob("*.pem")) or list(pems.rglob("*.crt"))))
    pem = next(path for path in sorted(pems.rglob("*")) if path.is_file() and b"BEGIN CERTIFICATE" in path.read_bytes())
    _wait(lambda: _answers(f"https://127.0.0.1:{port}/health", pem))
    return _target("backend", port, "/v1/chat/completions", key, {"model": MODEL}, pem)


def _litellm(folder: Path, engine: int, ends: contextlib.ExitStack) -> Target:
    key, port = f"sk-{secrets.token_hex(16)}", _free_port()
    params = {"model": f"ollama_chat/{MODEL}", "api_base": f"http://127.0.0.1:{engine}"}
    config = {"model_list": [{"model_name": MODEL, "litellm_params": params}]}
    (folder / "litellm.yaml").write_text(json.dumps(config))  # JSON is YAML
    env = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    argv = [str(LITELLM), "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    _start([*argv, "--num_workers", "1", "--telemetry", "False"], env, ends)
    _wait(lambda: _answers(f"http://127.0.0.1:{port}/health/liveliness"))
    return _target("litellm", port, "/v1/chat/completions", key, {"model": MODEL})


def _start(argv: list[str], env: Mapping[str, str], ends: contextlib.ExitStack) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ERT", "OLLAMA", "LITELLM"))}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(argv, cwd=ROOT, env={**clean, **env}, stdout=quiet, stderr=quiet)

    def end() -> None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    ends.callback(end)


def _wait(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError("a part of the measurement did not start in time")
        time.sleep(0.1)  # noqa: TID251 - waits for another process


def _answers(url: str, pem: Path | None = None) -> bool:
    import ssl

    context = ssl.create_default_context(cafile=str(pem)) if pem else None
    handlers = [urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])]
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
