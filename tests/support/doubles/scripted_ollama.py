"""A small Ollama with scripted output: the wire format of the few routes that the backend uses, and their faults.

In a test: `with ScriptedOllama() as ollama`. As a process: `python scripted_ollama.py HOST:PORT`, which serves an
installed model that writes one plain sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GIB = 1024**3
Line = dict[str, Any]
PROBE_TOKENS, SOME_TOKENS = 48, 100


def says(*pieces: str, thinking: str = "", reason: str = "stop") -> list[Line]:
    """Return the lines of one chat response."""
    thought = (
        [{"message": {"role": "assistant", "content": "", "thinking": thinking}, "done": False}] if thinking else []
    )
    spoken = [{"message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces]
    last = {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": reason,
        "prompt_eval_count": SOME_TOKENS,
        "eval_count": 20,
        "eval_duration": 200_000_000,
    }
    return [*thought, *spoken, last]


def counted(line: Line, body: Line) -> Line:
    """Return the line, with the token count of the prompt when the script leaves it open."""
    if line.get("prompt_eval_count") != SOME_TOKENS:
        return line
    sent = sum(len(message["content"]) for message in body["messages"])
    return {**line, "prompt_eval_count": max(SOME_TOKENS, sent // 3)}


def layer(digest: str, total: int, completed: int | None) -> Line:
    """Return one line of a pull."""
    line: Line = {"status": f"pulling {digest}", "digest": f"sha256:{digest}", "total": total}
    return line if completed is None else {**line, "completed": completed}


PULL: tuple[Line, ...] = (
    {"status": "pulling manifest"},
    layer("aaa", 900, None),
    layer("aaa", 900, 450),
    layer("bbb", 100, 50),
    layer("aaa", 900, 900),
    layer("bbb", 100, 100),
    {"status": "verifying sha256 digest"},
    {"status": "success"},
)


def is_measurement(body: Line) -> bool:
    return bool(body.get("options", {}).get("num_predict") == PROBE_TOKENS)


def measurement(speed: float) -> list[Line]:
    """Return a response whose duration corresponds to that many tokens per second."""
    last = says(reason="length")[-1]
    return [{**last, "eval_count": PROBE_TOKENS, "eval_duration": round(PROBE_TOKENS / speed * 1e9)}]


class ScriptedOllama:
    """Its models and output can be changed while it runs; `asked` contains every request body, by path."""

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.version = "0.35.0"
        self.models = ["gpt-oss:20b"]
        self.digest = ""
        self.in_memory: list[str] = []
        self.vram_share = 1.0
        self.context = 16384
        self.speed = 100.0
        self.pull_lines: Iterable[Line] = PULL
        self.load_line: Line = {"done": True, "done_reason": "load"}
        self.load_gate = threading.Event()
        self.load_gate.set()
        self.chat: Callable[[Line], Iterable[Line]] = lambda body: says(
            "The company sells products ", "to its customers."
        )
        self.chat_pause = 0.0
        self.asked: list[tuple[str, Line]] = []
        self.cut_off = self.connections = 0
        self.never = threading.Event()
        outer = self

        class Handler(_Handler):
            script = outer

        self.server = ThreadingHTTPServer(address, Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def bodies(self, path: str) -> list[Line]:
        """Return the request bodies, without the measurements at boot, which are in `measured`."""
        return [body for asked, body in self.asked if asked == path and not is_measurement(body)]

    @property
    def measured(self) -> list[Line]:
        return [body for _, body in self.asked if is_measurement(body)]

    def __enter__(self) -> ScriptedOllama:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.load_gate.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedOllama
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # like Go's servers

    def setup(self) -> None:
        """Count one more connection."""
        self.script.connections += 1
        super().setup()

    def handle(self) -> None:
        """Serve until the client disconnects; a terminated backend does so without notice."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        script = self.script
        rows: list[Line] = [
            {"name": name, "size": 13 * GIB, "digest": script.digest or f"sha256:{name}"} for name in script.models
        ]
        loaded = [
            {**row, "size_vram": int(row["size"] * script.vram_share), "context_length": script.context}
            for row in rows
            if row["name"] in script.in_memory
        ]
        answers = {
            "/api/version": {"version": script.version},
            "/api/tags": {"models": rows},
            "/api/ps": {"models": loaded},
        }
        self._whole(200 if self.path in answers else 404, answers.get(self.path, {"error": "not found"}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.script.asked.append((self.path, body))
        if self.path == "/api/pull":
            self._stream(self._pull(body))
        elif body["model"] not in self.script.models:
            self._whole(404, {"error": f"model '{body['model']}' not found"})
        elif not body["messages"]:
            self.script.load_gate.wait(20)
            self.script.in_memory.append(body["model"])
            self._stream([self.script.load_line])
        elif is_measurement(body):
            self._stream(measurement(self.script.speed))
        else:
            self._stream(counted(line, body) for line in self.script.chat(body))

    def _pull(self, body: Line) -> Iterator[Line]:
        yield from self.script.pull_lines
        self.script.models.append(body["model"])

    def _stream(self, lines: Iterable[Line]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for line in lines:
                content = json.dumps(line).encode() + b"\n"
                self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))
                self.wfile.flush()
                self.script.never.wait(self.script.chat_pause)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.script.cut_off += 1
            self.close_connection = True

    def _whole(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until the process is terminated."""
    host, _, port = (os.environ.get("OLLAMA_HOST") or sys.argv[1]).rpartition(":")
    with ScriptedOllama((host, int(port))):
        threading.Event().wait()


if __name__ == "__main__":
    main()
