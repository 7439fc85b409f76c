"""A small OpenAI-compatible model server with scripted output, modelled on llama-server, with its faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Event = dict[str, Any] | str
MODEL = "gpt-oss:20b"


def says(*pieces: str, reason: str = "stop", timings: bool = True, **more: Any) -> list[Event]:
    """Return the events of one response; `more` is added to the first delta."""
    first = {"role": "assistant", "content": None, **more}
    deltas = [first, *({"content": piece} for piece in pieces)]
    chunks: list[Event] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    account: dict[str, Any] = {"usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}}
    if timings:
        account["timings"] = {"predicted_ms": 200.0, "predicted_n": 20}
    return [*chunks, {"choices": [], **account}, "[DONE]"]


class ScriptedOpenAI:
    """Its models and output can be changed while it runs; `asked` contains the bodies of all chat requests."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [
            {"id": MODEL, "object": "model", "owned_by": "llamacpp", "meta": {"n_ctx": 16384, "size": 13_000_000_000}}
        ]
        self.loading = False
        self.props: dict[str, Any] = {"build_info": "b9000", "chat_template_caps": {"supports_tools": True}}
        self.chat: Callable[[dict[str, Any]], Iterable[Event]] = lambda body: says("The company ", "sells products.")
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.asked: list[dict[str, Any]] = []
        self.cut_off = 0
        outer = self

        class Handler(_Handler):
            script = outer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> ScriptedOpenAI:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedOpenAI
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        script = self.script
        answers = {"/v1/models": {"object": "list", "data": script.models}, "/props": script.props}
        if script.loading:
            self._whole(503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}})
        elif self.path in answers:
            self._whole(200, answers[self.path])
        else:
            self._whole(404, {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.script.asked.append(body)
        if self.script.refusal:
            self._whole(*self.script.refusal)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for event in self.script.chat(body):
                text = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(text), text))
                self.wfile.flush()
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
