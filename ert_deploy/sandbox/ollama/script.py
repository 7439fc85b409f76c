"""Scripted mode, for tests: an Ollama server whose responses and faults are defined by a JSON file.

    {"models": [{"name": "gpt-oss:20b", "size": 13793441244, "digest": "17052f91a42e...", "thinking": true,
                 "context_length": 131072, "installed": false, "family": "gptoss"}],
     "replies": [{"match": "regex over the whole prompt", "content": "text, or an object that is sent as JSON",
                  "expand": false, "thinking": "...", "done_reason": "stop", "token_delay": 0.01,
                  "error": "boom", "error_after": 3, "status": 500, "times": 1}],
     "thinking": "default for thinking models",
     "token_delay": 0.0, "load_delay": 0.0, "load_error": "", "busy": 0, "vram": 1.0,
     "pull": {"seconds": 0.2, "stall_after": 0.5, "error_after": 0.5, "error": "...", "times": 1}}

All keys are optional. The first matching reply with uses left is sent; `expand` fills `\\g<name>` with groups of the
match; without a reply, a schema gets its smallest instance. `error_after` is a number of parts (0 = before the first
line, with `status`); in `pull`, it and `stall_after` are fractions of the bytes. `busy` is the number of generations
that get a 503, `vram` the share of a model on the GPU. When the file changes, it is read again and the uses are
reset.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.sandbox.ollama.engine import TOO_LONG, Answer, Finish, Job, Session
from ert_deploy.sandbox.ollama.pull import REPORT_EVERY
from ert_deploy.sandbox.ollama.replies import content_of, default_answer, fail_at, pieces_of, scripted_model
from ert_deploy.sandbox.ollama.runner import BUSY
from ert_deploy.sandbox.ollama.wire import Json, Metrics, Model, Refusal, normalised, same_name

_PROMPT_NS, _TOKEN_NS = 200_000, 6_000_000
_CONFIG_BYTES = 487


class Script:
    """A model catalog and an engine, defined by the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int] | None = None
        self._said: Json = {}
        self._used: dict[str, int] = {}
        self._installed: set[str] = set()
        self._pulled: dict[str, int] = {}

    def said(self) -> Json:
        """Return the current script. Raises `ValueError` if the file is not valid JSON."""
        stat = self._path.stat()
        if self._read != (stat.st_mtime_ns, stat.st_size):
            self._said = json.loads(self._path.read_text())
            self._read = (stat.st_mtime_ns, stat.st_size)
            self._used.clear()
        return self._said

    def use(self, key: str, times: int | None) -> bool:
        """Count one use of a fault or reply; return False when its `times` are exhausted."""
        if times is not None and self._used.get(key, 0) >= times:
            return False
        self._used[key] = self._used.get(key, 0) + 1
        return True

    def models(self) -> list[Model]:
        """Return the installed models, in the order of the script."""
        said = self.said().get("models", [])
        return [scripted_model(m) for m in said if m.get("installed", True) or _key(m["name"]) in self._installed]

    def delete(self, name: str) -> bool:
        """Uninstall a downloaded model; one that the script installs is kept. Return False if there is none."""
        self._pulled.pop(_key(name), None)
        if _key(name) not in self._installed:
            return any(same_name(m.name, name) for m in self.models())
        self._installed.discard(_key(name))
        return True

    async def pull(self, name: str) -> AsyncGenerator[Json, None]:
        """Yield the progress for `seconds` of the script, resuming after a failure. Raises `Refusal` on failure."""
        yield {"status": "pulling manifest"}
        entry = next((m for m in self.said().get("models", []) if same_name(m["name"], name)), None)
        if entry is None:
            raise Refusal(500, "pull model manifest: file does not exist")
        model = scripted_model(entry)
        async with aclosing(self._layer(model, dict(self.said().get("pull", {})))) as lines:
            async for line in lines:
                yield line
        config = f"sha256:{hashlib.sha256(model.name.encode()).hexdigest()}"
        small = {"status": f"pulling {config[7:19]}", "digest": config, "total": _CONFIG_BYTES}
        yield small
        yield {**small, "completed": _CONFIG_BYTES}
        for status in ("verifying sha256 digest", "writing manifest"):
            yield {"status": status}
        self._installed.add(_key(name))
        yield {"status": "success"}

    async def _layer(self, model: Model, plan: Json) -> AsyncGenerator[Json, None]:
        total, key = max(1, model.size - _CONFIG_BYTES), _key(model.name)
        line: Json = {"status": f"pulling {model.digest[:12]}", "digest": f"sha256:{model.digest}", "total": total}
        yield line
        steps = max(1, round(float(plan.get("seconds", 0.2)) / REPORT_EVERY))
        faulty = any(k in plan for k in ("stall_after", "error_after")) and self.use("pull", plan.get("times"))
        part = min(float(plan.get("stall_after", 1.0)), float(plan.get("error_after", 1.0)))
        limit = int(total * part) if faulty else total
        while self._pulled.get(key, 0) < limit:
            await asyncio.sleep(float(plan.get("seconds", 0.2)) / steps)
            self._pulled[key] = min(limit, self._pulled.get(key, 0) + -(-total // steps))
            yield {**line, "completed": self._pulled[key]}
        while faulty and "error_after" not in plan:
            await asyncio.sleep(REPORT_EVERY)
            yield {**line, "completed": self._pulled.get(key, 0)}
        if faulty:
            raise Refusal(500, str(plan.get("error", "max retries exceeded: unexpected EOF")))

    async def load(self, model: Model, num_ctx: int, _parallel: int) -> Session:
        """Wait for `load_delay` of the script. Raises `Refusal` 500 if it contains a `load_error`."""
        said = self.said()
        await asyncio.sleep(float(said.get("load_delay", 0.0)))
        if said.get("load_error"):
            raise Refusal(500, str(said["load_error"]))
        context = min(num_ctx, model.context_length or num_ctx)
        return ScriptSession(self, model, context, float(said.get("vram", 1.0)))


@dataclass(slots=True)
class ScriptSession:
    """A loaded model whose output is the script's."""

    script: Script
    model: Model
    context_length: int
    on_card: float

    @property
    def size(self) -> int:
        """The size in bytes, slightly larger than the file, as for a real model."""
        return self.model.size + 100_000 * self.context_length

    @property
    def size_vram(self) -> int:
        """The part on the GPU, in bytes."""
        return int(self.size * self.on_card)

    def close(self) -> None:
        """Do nothing: there is no memory to release."""

    async def run(self, job: Job) -> Answer:
        """Yield thinking, content and metrics, with the faults of the matching reply. Raises `Refusal` for an error."""
        said, reply = self.script.said(), self._reply(job)
        if self.script.use("busy", int(said.get("busy", 0))):
            raise Refusal(503, BUSY)
        prompt_tokens = max(1, len(job.text) // 4)
        if prompt_tokens > self.context_length and not job.truncate:
            raise Refusal(400, TOO_LONG)
        pieces, reason, counted = pieces_of(reply, job, self._thinking(reply, job))
        delay = float({"token_delay": 0.0, **said, **reply}["token_delay"])
        for number, piece in enumerate(pieces):
            fail_at(reply, number)
            await asyncio.sleep(delay)
            yield piece
        fail_at(reply, len(pieces))
        token_ns = int(delay * 1e9) or _TOKEN_NS
        yield Finish(
            str(reply.get("done_reason", reason)),
            Metrics(0, 0, prompt_tokens, prompt_tokens * _PROMPT_NS, counted, counted * token_ns),
        )

    def _reply(self, job: Job) -> Json:
        for index, reply in enumerate(self.script.said().get("replies", [])):
            found = re.search(str(reply.get("match", "")), job.text)
            if found and self.script.use(f"reply{index}", reply.get("times")):
                return {**reply, "content": content_of(reply, found, job)}
        return {"content": default_answer(job.format)}

    def _thinking(self, reply: Json, job: Job) -> str:
        always = self.model.details["family"] in ("gptoss", "gpt-oss")
        if not self.model.thinks or (job.think is False and not always):
            return ""
        return str(reply.get("thinking", self.script.said().get("thinking", "Let me look at the figures. ")))


def _key(name: str) -> str:
    return normalised(name).lower()
