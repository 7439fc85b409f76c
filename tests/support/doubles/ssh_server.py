"""An SSH server on loopback, based on paramiko's server side: accepts one key and implements a few commands."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
from paramiko.common import MSG_GLOBAL_REQUEST

BIG = 1_048_576


class Manners(paramiko.ServerInterface):  # type: ignore[misc]
    """Authenticate root with one key, and never with a password."""

    def __init__(self, server: Sshd) -> None:
        self.server = server

    def check_auth_publickey(self, username: str, key: Any) -> int:
        good = username == "root" and key == self.server.key
        return int(paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED)

    def check_auth_password(self, username: str, password: str) -> int:
        self.server.passwords.append(password)
        return int(paramiko.AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
        self.server.play(channel, command.decode())
        return True

    def check_channel_pty_request(self, *about: Any) -> bool:
        self.server.terminals.append(about[1:4])
        return True

    def check_channel_shell_request(self, channel: Any) -> bool:
        self.server.play(channel, "shell")
        return True


class Sshd:
    """`key` is the accepted public key. `commands` are the requested commands."""

    def __init__(self, key: Any, host_key: Any) -> None:
        self.key, self.host_key = key, host_key
        self.commands, self.passwords, self.terminals = list[str](), list[str](), list[Any]()
        self.release = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._transports: list[Any] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(threading.Event(), Manners(self))

    def play(self, channel: Any, command: str) -> None:
        self.commands.append(command)
        thread = threading.Thread(target=self._act, args=(channel, command))
        self._threads.append(thread)
        thread.start()

    def _act(self, channel: Any, command: str) -> None:
        self.release.wait(0.05)  # the "yes" to the request is sent first, as with any real server
        word, _, rest = command.partition(" ")
        with suppress(OSError, EOFError):
            getattr(self, f"_{word}", self._nothing)(channel, rest)
            channel.close()

    def _nothing(self, channel: Any, rest: str) -> None:
        pass

    def _exit(self, channel: Any, rest: str) -> None:
        channel.send_exit_status(int(rest))

    def _both(self, channel: Any, rest: str) -> None:
        channel.sendall(b"to out\n")
        channel.sendall_stderr(b"to err\n")
        channel.send_exit_status(0)

    def _escapes(self, channel: Any, rest: str) -> None:
        channel.sendall(b"red \x1b[31malert\x1b[0m\nno end\x07")
        channel.send_exit_status(0)

    def _big(self, channel: Any, rest: str) -> None:
        channel.sendall(b"x" * BIG)
        channel.sendall_stderr(b"y" * BIG)
        channel.send_exit_status(0)

    def _stdin(self, channel: Any, rest: str) -> None:
        channel.sendall(b"[" + channel.recv(100) + b"]")
        channel.send_exit_status(0)

    def _cut(self, channel: Any, rest: str) -> None:
        channel.sendall(b"half")
        channel.get_transport().close()

    def _stuck(self, channel: Any, rest: str) -> None:
        """Keep the connection open and stop responding."""
        channel.get_transport()._handler_table[MSG_GLOBAL_REQUEST] = lambda _message: self.release.wait(10)
        self.release.wait(10)

    def _slow(self, channel: Any, rest: str) -> None:
        self.release.wait(0.6)
        channel.sendall(b"late\n")
        channel.send_exit_status(0)

    def _shell(self, channel: Any, rest: str) -> None:
        channel.sendall(b"$ ")
        typed = b""
        while not typed.endswith((b"\r", b"\n")):
            typed += channel.recv(10)
        channel.sendall(b"you said " + typed.strip() + b"\r\n")
        channel.send_exit_status(5)

    def stop(self) -> None:
        self.release.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for transport in self._transports:
            transport.close()
        for thread in (*self._threads, *self._transports):
            thread.join(5)


@contextmanager
def sshd(key: Any, host_key: Any) -> Iterator[Sshd]:
    """Run a server until the block ends."""
    server = Sshd(key, host_key)
    try:
        yield server
    finally:
        server.stop()
