"""Asynchronous server: time limits for heads and bodies, a bound for waiting connections, and the rules of the gate."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import simple_websocket
import uvicorn

from ert_dashboard.auth.password import hash_password
from ert_dashboard.server.bridge import Bridge, environ_of
from ert_dashboard.server.connections import Deadlines, protocol_of
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.following import until
from tests.support.dashboard.processes import Follower, answers, server_process
from tests.support.llm_engine.servers import free_port

HEAD = b"GET / HTTP/1.1\r\nHost: h\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"
LOGIN = "correct horse battery"


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def serving(deadlines: Deadlines, most_waiting: int = 100) -> Iterator[int]:
    """Serve `echo` with these limits on the port that is returned."""
    port = free_port()
    bridge = Bridge(echo, largest_body=100, smaller={"/small": 10}, quick=frozenset())
    http_class = protocol_of(deadlines, most_waiting)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await bridge(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    config = uvicorn.Config(app, port=port, http=http_class, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        until(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
        bridge.close()


def connect(port: int, *sent: bytes) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port), timeout=5)
    for part in sent:
        found.sendall(part)
    return found


def closed(connection: socket.socket) -> bool:
    """Whether the server ends the connection without a response, within 5 s."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def ended(connection: socket.socket) -> bool:
    """Send one byte more; return whether the server has closed the connection."""
    try:
        connection.sendall(b"a")
        return connection.recv(10) == b""
    except TimeoutError:
        return False
    except (ConnectionResetError, BrokenPipeError):
        return True


def response(connection: socket.socket) -> bytes:
    return connection.recv(1000)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD, POST, POST + b"123", HEAD + b"\r\n"])
def test_a_request_that_does_not_arrive_in_time_ends_its_connection(sent: bytes) -> None:
    """The last one is complete: it gets its response, and then its connection waits for the next head."""
    with serving(Deadlines(head_s=0.2, body_s=0.2)) as port, connect(port, sent) as connection:
        if sent == HEAD + b"\r\n":
            assert response(connection).startswith(b"HTTP/1.1 200")
            connection.sendall(HEAD)
        assert closed(connection)


def test_a_trickle_does_not_put_the_deadline_off() -> None:
    with serving(Deadlines(head_s=1, body_s=30)) as port, connect(port, HEAD) as connection:
        connection.settimeout(0.1)
        sent = 0
        while sent < 300 and not ended(connection):
            sent += 1
        assert 2 <= sent < 100


def test_a_body_has_a_deadline_of_its_own_and_a_slow_one_is_read() -> None:
    with serving(Deadlines(head_s=1, body_s=30)) as port, connect(port, POST) as connection:
        connection.settimeout(1.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.sendall(b"0123456789")
        received = b""
        while not received.endswith(b"0123456789"):  # head and body may come apart
            received += connection.recv(1000)
        assert received.startswith(b"HTTP/1.1 200")


def test_a_websocket_has_no_deadline() -> None:
    """To the parser, the request of an upgrade has a body that never comes."""
    with serving(Deadlines(head_s=0.2, body_s=0.2)) as port:
        page = simple_websocket.Client(f"ws://127.0.0.1:{port}/")
        assert page.receive(0.6) is None
        page.send("still here")
        assert page.receive(5) == "still here"
        page.close()


def test_the_oldest_waiting_connection_makes_room_for_a_new_one() -> None:
    with serving(Deadlines(), most_waiting=3) as port, ExitStack() as stack:
        held = [stack.enter_context(connect(port, HEAD)) for _ in range(3)]
        served = stack.enter_context(connect(port, HEAD, b"\r\n"))
        assert response(served).startswith(b"HTTP/1.1 200")
        assert closed(held[0])
        held[2].sendall(b"\r\n")
        assert response(held[2]).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (b"/", b"Content-Length: 101\r\n\r\n" + b"a" * 101),
        (b"/", b"Content-Length: 2000000\r\n\r\n"),
        (b"/", b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101),
        (b"/small", b"Content-Length: 11\r\nExpect: 100-continue\r\n\r\n"),
        (b"/small", b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"a" * 11),
    ],
)
def test_a_body_larger_than_its_path_takes_is_not_read_on(path: bytes, body: bytes) -> None:
    with serving(Deadlines()) as port, connect(port, b"POST %b HTTP/1.1\r\nHost: h\r\n" % path + body) as connection:
        whole = b"".join(iter(lambda: connection.recv(1000), b""))
        assert whole.startswith(b"HTTP/1.1 413")


def test_headers_reach_the_app_under_one_name_only() -> None:
    headers = [
        (b"x_forwarded_for", b"1.2.3.4"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"accept", b"x"),
        (b"accept", b"y"),
    ]
    scope = {
        "method": "GET", "path": "/\u00e9", "query_string": b"q=1", "http_version": "1.1", "scheme": "http",
        "headers": headers, "server": ("127.0.0.1", 80), "client": ("127.0.0.9", 5),
    }  # fmt: skip
    found = environ_of(scope)
    assert "HTTP_X_FORWARDED_FOR" not in found
    assert (found["HTTP_COOKIE"], found["HTTP_ACCEPT"]) == ("a=1; b=2", "x,y")
    assert (found["PATH_INFO"], found["REMOTE_ADDR"]) == ("/\u00c3\u00a9", "127.0.0.9")


def test_calls_beyond_the_threads_and_their_queue_are_refused_but_not_the_health_check() -> None:
    """A database that is away keeps a thread for seconds; the web host must not take that for a dead process."""
    over = threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/health":
            assert over.wait(20)
        start_response("200 OK", [])
        return [b""]

    async def load() -> tuple[list[int], int]:
        bridge = Bridge(slow, largest_body=10, smaller={}, quick=frozenset({"/health"}))
        tasks = [asyncio.create_task(asked(bridge, "/slow")) for _ in range(500)]
        health = await asyncio.wait_for(asked(bridge, "/health"), 5)
        over.set()
        statuses = await asyncio.gather(*tasks)
        bridge.close()
        return list(statuses), health

    statuses, health = asyncio.run(load())
    assert health == 200
    assert (statuses.count(200), statuses.count(503)) == (400, 100)


async def asked(bridge: Bridge, path: str) -> int:
    scope = {"path": path, "query_string": b"", "http_version": "1.1", "scheme": "http", "headers": []}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await bridge(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.e2e
def test_the_start_command_holds_out_against_half_open_connections(
    environ: dict[str, str], backend: FakeBackend, tmp_path: Path
) -> None:
    """With 150 of them, more than the threads, a page follows a report, and the process stops at once afterwards."""
    environ |= {"ERT_DASHBOARD_PASSWORD_HASH": hash_password(LOGIN), "ERT_DASHBOARD_SOCKETS": "2"}
    with ExitStack() as stack:
        server = stack.enter_context(server_process(environ, tmp_path / "process"))
        address = f"127.0.0.1:{server.port}"
        client = stack.enter_context(httpx.Client(base_url=f"http://{address}", trust_env=False))
        for begun in (b"", HEAD, POST) * 50:
            stack.enter_context(connect(server.port, begun))
        assert answers(client)
        entered = client.post("/login", data={"password": LOGIN}, headers={"Origin": f"http://{address}"})
        assert entered.status_code == 303
        cookie = f"ert_session={client.cookies['ert_session']}"
        page = Follower(address, cookie)
        assert client.post("/api/generate", json={"ticker": "MSFT"}).status_code == 200
        report_id = client.get("/api/reports").json()["reports"][0]["report_id"]
        until(lambda: "completed" in page.statuses(report_id))
        refused(address, 401, {"Origin": "http://127.0.0.1"})
        refused(address, 403, {"Origin": "http://elsewhere.example", "Cookie": cookie})
        other = Follower(address, cookie)
        refused(address, 429, {"Origin": "http://127.0.0.1", "Cookie": cookie})
        assert client.get("/socket.io/?EIO=4&transport=polling").status_code == 404
        assert client.post("/logout", headers={"Origin": f"http://{address}"}).status_code == 303
        assert other.ended.wait(10)
        assert page.ended.wait(10)
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.wait(10) == 0
    assert "Traceback" not in server.log
    assert KEY not in server.log


def refused(address: str, status: int, headers: dict[str, str]) -> None:
    """A WebSocket is rejected by the rules for every request, and with their status."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Host": "127.0.0.1",
    }
    url = f"http://{address}/socket.io/?EIO=4&transport=websocket"
    assert httpx.get(url, headers={**upgrade, **headers}, trust_env=False).status_code == status
