"""llama.cpp's own OpenAI server on a sandbox machine: `python -m ert_deploy.sandbox.ollama.llama_server FILE NAME`.

It listens on ERT_ENGINE_HOST (host:port on loopback) and serves the file under NAME. ERT_SANDBOX_CONTEXT is the context
of one answer in tokens (default 2048), ERT_SANDBOX_SLOTS how many are written at a time (default 2) and
ERT_SANDBOX_THREADS with how many threads (default: one per core, at most 4; one is quicker where others use the cores).
SIGTERM ends it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from ert_deploy.sandbox.ollama.__main__ import split_host
from ert_deploy.sandbox.ollama.wire import host_allowed

TAG = "sandbox"  # it says of itself what it is


def start(file: str, name: str, env: Mapping[str, str]) -> object:
    """The server, which listens at once and answers when the model is loaded; ValueError for an address elsewhere."""
    import xllamacpp

    host, port = split_host(env.get("ERT_ENGINE_HOST", ""))
    if not host_allowed(f"{host}:{port}"):
        raise ValueError("ERT_ENGINE_HOST is not on this machine")
    context, slots = int(env.get("ERT_SANDBOX_CONTEXT") or 2048), int(env.get("ERT_SANDBOX_SLOTS") or 2)
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.model_alias, params.model_tags = {name}, {TAG}
    params.hostnames, params.port = [host], port
    params.n_ctx, params.n_parallel = context * slots, slots
    params.warmup, params.use_jinja, params.verbosity = False, True, -1
    params.cpuparams.n_threads = int(env.get("ERT_SANDBOX_THREADS") or min(4, os.cpu_count() or 1))
    return xllamacpp.Server(params)


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; 1 when it cannot start, 2 without a file and a name."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m ert_deploy.sandbox.ollama.llama_server FILE.gguf NAME\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    try:
        server = start(arguments[0], arguments[1], os.environ)
    except (RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    while server is not None:
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
