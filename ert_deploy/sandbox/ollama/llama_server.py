"""OpenAI server of llama.cpp for machines: `python -m ert_deploy.sandbox.ollama.llama_server FILE NAME`.

It listens on ERT_ENGINE_HOST (host:port on loopback) and serves the file as NAME. ERT_SANDBOX_CONTEXT is the context
of one request in tokens (default 2048), ERT_SANDBOX_SLOTS the number of concurrent requests (default 2) and
ERT_SANDBOX_THREADS the number of threads (default: one per core, at most 4; one is faster if other programs use the
cores). `SIGTERM` stops it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from ert_deploy.sandbox.ollama.__main__ import listen_address
from ert_deploy.sandbox.ollama.llama_cpp import xllamacpp

TAG = "sandbox"  # marks the responses of the server


def start(file: str, name: str, env: Mapping[str, str]) -> object:
    """Start the server, which loads the model in the background. Raises `ValueError` for a setting that is rejected."""
    llama = xllamacpp()
    host, port = listen_address(env, "ERT_ENGINE_HOST")
    context, slots = int(env.get("ERT_SANDBOX_CONTEXT") or 2048), int(env.get("ERT_SANDBOX_SLOTS") or 2)
    params = llama.CommonParams()
    params.model.path = file
    params.model_alias, params.model_tags = {name}, {TAG}
    params.hostnames, params.port = [host], port
    params.n_ctx, params.n_parallel = context * slots, slots
    params.warmup, params.use_jinja, params.verbosity = False, True, -1
    params.cpuparams.n_threads = int(env.get("ERT_SANDBOX_THREADS") or min(4, os.cpu_count() or 1))
    return llama.Server(params)


def main(arguments: Sequence[str]) -> int:
    """Serve until `SIGTERM` or `SIGINT`; return 1 if the start fails, 2 for missing arguments."""
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
