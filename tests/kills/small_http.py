"""As much of an HTTP server as the stand-ins need, made of what starts quickly: they are started by the hundred."""

import json
import socket
import ssl
import threading
from collections.abc import Callable

Answer = tuple[int, dict[str, object]]


def serve(port: int, answer: Callable[[str, str], Answer], tls: ssl.SSLContext | None = None) -> None:
    """Answer GETs on loopback for ever; `answer` gets the path with its query, and the Authorization header."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listening:
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_talk, args=(client, answer, tls), daemon=True).start()


def _talk(client: socket.socket, answer: Callable[[str, str], Answer], tls: ssl.SSLContext | None) -> None:
    client.settimeout(10)
    try:
        line = tls.wrap_socket(client, server_side=True) if tls else client
    except OSError:
        client.close()
        return
    with line:
        try:
            line.sendall(_reply(_head(line), answer))
        except OSError:
            return


def _head(line: socket.socket) -> str:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = line.recv(4096)
        if not piece or len(read) > 65536:
            raise OSError("no request")
        read += piece
    return read.decode("latin-1")


def _reply(head: str, answer: Callable[[str, str], Answer]) -> bytes:
    first, *fields = head.split("\r\n")
    given = [field.partition(":")[2].strip() for field in fields if field.lower().startswith("authorization:")]
    status, said = answer(first.split(" ")[1], "".join(given))
    body = json.dumps(said).encode()
    about = (
        f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    )
    return about.encode() + b"\r\n" + body
