"""Real engine: llama.cpp on the CPU with `xllamacpp`, which is imported when a model is loaded."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ert_deploy.sandbox.ollama.engine import TOO_LONG, Answer, Finish, Job, Piece, Session
from ert_deploy.sandbox.ollama.llama_cpp import xllamacpp
from ert_deploy.sandbox.ollama.wire import Json, Metrics, Model, Refusal, option

_MILLISECOND = 1_000_000


class LlamaEngine:
    """Runs GGUF files. Machines simulate a GPU, so models are reported as completely on it."""

    async def load(self, model: Model, num_ctx: int, parallel: int) -> Session:
        """Load in a thread, so that the server remains responsive. Raises `Refusal` on failure."""
        trained = model.context_length
        context = min(num_ctx, trained) if trained else num_ctx
        server = await asyncio.to_thread(_start_llama, model.path, context, parallel)
        return LlamaSession(server, model.size + _cache_bytes(model, context * parallel), context)


def _start_llama(path: str, context: int, parallel: int) -> Any:
    llama = xllamacpp()  # not required for scripts
    params = llama.CommonParams()
    params.model.path = path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secrets.token_hex(16)]
    params.n_ctx = context * parallel
    params.n_parallel = parallel
    params.warmup = False
    params.cpuparams.n_threads = min(4, os.cpu_count() or 1)
    params.verbosity = -1
    try:
        return llama.Server(params)
    except RuntimeError as error:
        raise Refusal(500, f"llama runner process has terminated: {error}") from None


def _cache_bytes(model: Model, tokens: int) -> int:
    """Return the size of the key-value cache at 16 bits: two vectors per layer and token."""
    info = {k.partition(".")[2]: v for k, v in model.info.items()}
    heads = int(info.get("attention.head_count", 1))
    width = int(info.get("embedding_length", 0)) // max(1, heads) * int(info.get("attention.head_count_kv", heads))
    return 2 * 2 * int(info.get("block_count", 0)) * width * tokens


class LlamaSession:
    """One loaded GGUF file."""

    def __init__(self, server: Any, size: int, context: int) -> None:
        self._server = server
        self.size = self.size_vram = size
        self.context_length = context

    def close(self) -> None:
        """Release the server; it is freed when no thread uses it."""
        self._server = None

    async def run(self, job: Job) -> Answer:
        """Stream the response; if the context is exceeded, the oldest messages are dropped if the job allows it."""
        while True:
            try:
                async with aclosing(self._once(job)) as items:
                    async for item in items:
                        yield item
                return
            except _ContextFull:
                job = _shortened(job)

    async def _once(self, job: Job) -> Answer:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Json | None]()
        stopped = threading.Event()

        def put(item: Json | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, item)

        thread = threading.Thread(target=_generate, args=(self._server, self._request(job), put, stopped), daemon=True)
        thread.start()
        try:
            while (chunk := await queue.get()) is not None:
                for item in _read(chunk):
                    yield item
        finally:
            stopped.set()

    def _request(self, job: Job) -> Json:
        options = job.options
        limit = option(options, "num_predict", int, -1)
        most = 10 * self.context_length
        request: Json = {
            "stream": True,
            "max_tokens": most if limit < 0 else min(limit, most),
            "temperature": option(options, "temperature", float, 0.8),
            "top_k": option(options, "top_k", int, 40),
            "top_p": option(options, "top_p", float, 0.9),
            "min_p": option(options, "min_p", float, 0.0),
            "repeat_penalty": option(options, "repeat_penalty", float, 1.1),
            "repeat_last_n": option(options, "repeat_last_n", int, 64),
            "presence_penalty": option(options, "presence_penalty", float, 0.0),
            "frequency_penalty": option(options, "frequency_penalty", float, 0.0),
            "seed": option(options, "seed", int, -1),
            "stop": _stops(options),
            **_constraint(job.format),
        }
        if job.raw is not None:
            return {**request, "prompt": job.raw}
        return {**request, "messages": [{"role": m["role"], "content": m.get("content", "")} for m in job.messages]}


class _ContextFull(Exception):
    """The prompt exceeds the context."""


def _shortened(job: Job) -> Job:
    """Return the job without its oldest message, keeping system messages and the last one. Raises `Refusal`."""
    turns = [i for i, m in enumerate(job.messages[:-1]) if m["role"] != "system"]
    if not job.truncate or not turns:
        raise Refusal(400, TOO_LONG)
    return replace(job, messages=[m for i, m in enumerate(job.messages) if i != turns[0]])


def _stops(options: Mapping[str, Any]) -> list[str]:
    stop = options.get("stop") or []
    if not isinstance(stop, list):
        raise Refusal(500, 'option "stop" must be of type array')
    if not all(isinstance(s, str) for s in stop):
        raise Refusal(500, 'option "stop" must be of an array of strings')
    return stop


def _constraint(wanted: Any) -> Json:
    if wanted in (None, ""):
        return {}
    if wanted == "json":
        return {"response_format": {"type": "json_object"}}
    if not isinstance(wanted, dict):
        raise Refusal(500, f'invalid format: {wanted!r}; expected "json" or a valid JSON Schema object')
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}}


def _generate(server: Any, request: Json, put: Callable[[Json | None], None], stopped: threading.Event) -> None:
    def take(chunk: Json | list[Json]) -> bool:
        for one in chunk if isinstance(chunk, list) else [chunk]:
            put(one)
        return stopped.is_set()

    handle = server.handle_completions if "prompt" in request else server.handle_chat_completions
    try:
        handle(request, take)
    except Exception as error:
        put({"error": {"message": str(error)}})
    finally:
        put(None)


def _read(chunk: Json) -> list[Piece | Finish]:
    if error := chunk.get("error"):
        if error.get("type") == "exceed_context_size_error":
            raise _ContextFull
        raise Refusal(int(error.get("code", 500)), str(error.get("message", "unknown error")))
    items: list[Piece | Finish] = []
    for choice in chunk.get("choices", ()):
        content = choice.get("text") or (choice.get("delta") or {}).get("content")
        if content:
            items.append(Piece(content))
        if reason := choice.get("finish_reason"):
            items.append(Finish("length" if reason == "length" else "stop", _metrics(chunk.get("timings") or {})))
    return items


def _metrics(timings: Json) -> Metrics:
    return Metrics(
        prompt_eval_count=int(timings.get("prompt_n", 0)) + int(timings.get("cache_n", 0)),
        prompt_eval_duration=int(timings.get("prompt_ms", 0) * _MILLISECOND),
        eval_count=int(timings.get("predicted_n", 0)),
        eval_duration=int(timings.get("predicted_ms", 0) * _MILLISECOND),
    )
