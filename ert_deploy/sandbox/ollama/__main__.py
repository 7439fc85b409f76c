"""Ollama server process: used on machines instead of `ollama serve`, as `python -m ert_deploy.sandbox.ollama`.

Environment: OLLAMA_HOST (host:port; port 0 picks a port, which is printed on stderr), OLLAMA_MODELS (on the disk of the
instance), OLLAMA_CONTEXT_LENGTH, OLLAMA_KEEP_ALIVE, OLLAMA_NUM_PARALLEL, OLLAMA_MAX_QUEUE as in Ollama;
ERT_SANDBOX_MODELS (the registry directory), ERT_SANDBOX_PULL_MBPS (MB per second, default 100), ERT_OLLAMA_SCRIPT (a
script instead of a model).
`SIGTERM` and `SIGINT` abort all requests; the exit code is then 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from ert_deploy.sandbox.ollama.app import VERSION, make_app
from ert_deploy.sandbox.ollama.engine import Engine
from ert_deploy.sandbox.ollama.llama import LlamaEngine
from ert_deploy.sandbox.ollama.runner import Limits, Runner
from ert_deploy.sandbox.ollama.script import Script
from ert_deploy.sandbox.ollama.store import Catalogue, DiskStore
from ert_deploy.sandbox.ollama.wire import keep_alive
from ert_deploy.sandbox.runtime.loopback_only.sitecustomize import is_loopback

DEFAULT_PORT = 11434
DEFAULT_RATE = 100.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in the environment. `rate` is in MB per second."""

    host: str
    port: int
    models: Path
    registry: Path | None
    rate: float
    script: Path | None
    limits: Limits


def settings_from(env: Mapping[str, str]) -> Settings:
    """Read the settings from the environment. Raises `ValueError` for an invalid number or a host off loopback."""
    host, port = listen_address(env, "OLLAMA_HOST")
    registry, script = env.get("ERT_SANDBOX_MODELS"), env.get("ERT_OLLAMA_SCRIPT")
    keep = env.get("OLLAMA_KEEP_ALIVE") or None
    return Settings(
        host,
        port,
        Path(env.get("OLLAMA_MODELS") or Path.home() / ".ollama" / "models"),
        Path(registry) if registry else None,
        float(env.get("ERT_SANDBOX_PULL_MBPS") or DEFAULT_RATE),
        Path(script) if script else None,
        Limits(
            context=int(env.get("OLLAMA_CONTEXT_LENGTH") or Limits().context),
            keep_alive=keep_alive(keep, Limits().keep_alive),
            parallel=max(1, int(env.get("OLLAMA_NUM_PARALLEL") or 1)),
            max_queue=int(env.get("OLLAMA_MAX_QUEUE") or Limits().max_queue),
        ),
    )


def listen_address(env: Mapping[str, str], name: str) -> tuple[str, int]:
    """Return host and port to listen on from that variable. Raises `ValueError` when the host is not on loopback."""
    host, port = split_host(env.get(name, ""))
    if not is_loopback(host.strip("[]")):
        raise ValueError(f"{name}: {host} is not on loopback, and the sandbox listens nowhere else")
    return host, port


def split_host(value: str) -> tuple[str, int]:
    """Return host and port of OLLAMA_HOST, with Ollama's defaults for missing parts."""
    value = value.split("://", 1)[-1].strip("/ ")
    host, _, port = value.rpartition(":") if ":" in value else (value, "", "")
    return host or "127.0.0.1", int(port or DEFAULT_PORT)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`, because uvicorn would exit by the signal, not with code 0."""
        yield


async def serve(settings: Settings) -> None:
    """Run the server until a signal is received."""
    catalogue, engine = _parts(settings)
    app = make_app(catalogue, Runner(engine, settings.limits))
    config = uvicorn.Config(
        app,
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=0,
        server_header=False,
    )
    server = _Server(config)

    def stop() -> None:
        server.should_exit = server.force_exit = True

    orphaned = asyncio.create_task(_when_orphaned(stop)) if settings.registry else None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with socket.create_server((settings.host, settings.port), backlog=128) as listener:
        # Accepted sockets inherit this option. Go's net package, and so Ollama, sets it for every connection.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sys.stderr.write(f"Listening on {settings.host}:{listener.getsockname()[1]} (version {VERSION})\n")
        sys.stderr.flush()
        await server.serve(sockets=[listener])
    if orphaned:
        orphaned.cancel()


async def _when_orphaned(stop: Callable[[], None]) -> None:
    """Stop when the parent exits, because processes of a killed container would not survive either."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    stop()


def _parts(settings: Settings) -> tuple[Catalogue, Engine]:
    if settings.script is not None:
        script = Script(settings.script)
        return script, script
    return DiskStore(settings.models, settings.registry, settings.rate), LlamaEngine()


def main() -> None:
    """Run the server, then exit without waiting for a generation that is still running in a thread."""
    try:
        asyncio.run(serve(settings_from(os.environ)))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        os._exit(1)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
