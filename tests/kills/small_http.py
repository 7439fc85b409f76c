"""Minimal HTTP server for app and backend doubles, with a short start time because hundreds of them are started."""

import json
import socket
import ssl
import threading
from collections.abc import Callable

Answer = tuple[int, dict[str, object]]


def serve(port: int, answer: Callable[[str, str, bytes], Answer], tls: ssl.SSLContext | None = None) -> None:
    """Serve on loopback forever; `answer` takes the path with its query, the Authorization header and the body."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listening:
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_talk, args=(client, answer, tls), daemon=True).start()


def _talk(client: socket.socket, answer: Callable[[str, str, bytes], Answer], tls: ssl.SSLContext | None) -> None:
    client.settimeout(10)
    try:
        line = tls.wrap_socket(client, server_side=True) if tls else client
    except OSError:
        client.close()
        return
    with line:
        try:
            line.sendall(_reply(*_request(line), answer))
        except OSError:
            return


def _request(line: socket.socket) -> tuple[str, bytes]:
    """Read head and body of a request."""
    read = _until(line, b"", lambda read: b"\r\n\r\n" in read)
    head, _, body = read.partition(b"\r\n\r\n")
    told = _field(head.decode("latin-1"), "content-length")
    return head.decode("latin-1"), _until(line, body, lambda body: len(body) >= int(told or "0"))


def _until(line: socket.socket, read: bytes, enough: Callable[[bytes], bool]) -> bytes:
    while not enough(read):
        piece = line.recv(4096)
        if not piece or len(read) > 65536:
            raise OSError("no request")
        read += piece
    return read


def _field(head: str, name: str) -> str:
    fields = (field.partition(":") for field in head.split("\r\n")[1:])
    return "".join(value.strip() for field, _, value in fields if field.lower() == name)


def _reply(head: str, body: bytes, answer: Callable[[str, str, bytes], Answer]) -> bytes:
    status, said = answer(head.split(" ")[1], _field(head, "authorization"), body)
    told = json.dumps(said).encode()
    about = (
        f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(told)}\r\nConnection: close\r\n"
    )
    return about.encode() + b"\r\n" + told
