"""Debian's HAProxy before real TLS servers, each a process with a certificate and a key of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.haproxy import reload
from ert_deploy.core.model.secret import Secret
from ert_deploy.proxy.haproxy import CONFIG, MASTER, files
from ert_deploy.proxy.servers import Proxy, ProxyServer
from tests.support.certificates.self_signed import certificate
from tests.support.dashboard.following import until
from tests.support.llm_engine.servers import free_port
from tests.support.proxy.tls_server import TOLD

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed (apt-get install haproxy)")


@dataclass
class Machine:
    """A server that runs as a process."""

    pem: str
    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def replica(self, number: int, slots: int = 1, pem: str | None = None) -> ProxyServer:
        return ProxyServer(number, self.url, pem or self.pem, Secret(f"ert-key-of-{number}"), slots)

    def told(self, method: str = "GET") -> dict[str, Any]:
        """Return what the server was sent, asked without the proxy; DELETE begins anew, PUT lets a stream go on."""
        context = ssl.create_default_context(cadata=self.pem)
        request = urllib.request.Request(self.url + TOLD, method=method)
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait(10)


@contextlib.contextmanager
def machines(count: int, service_s: float = 0.1) -> Iterator[list[Machine]]:
    """Start so many servers, and kill those that are left."""
    found: list[Machine] = []
    try:
        for _ in range(count):
            pem, key = certificate()
            command = [sys.executable, "-m", "tests.support.proxy.tls_server"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert process.stdin is not None
            process.stdin.write(json.dumps({"pem": pem, "key": key, "service_s": service_s}) + "\n")
            process.stdin.flush()
            found.append(Machine(pem, 0, process))
        for machine in found:
            assert machine.process.stdout is not None
            machine.port = int(machine.process.stdout.readline())
        yield found
    finally:
        for machine in found:
            machine.kill()
            for stream in (machine.process.stdin, machine.process.stdout):
                if stream is not None:
                    stream.close()


@dataclass
class Running:
    """A proxy that runs."""

    proxy: Proxy
    process: subprocess.Popen[bytes]

    def reload(self, proxy: Proxy) -> None:
        """Write the files of another proxy in the same place, and have HAProxy read them; return once it has."""
        before = self._worker()
        self.proxy = proxy
        write(proxy)
        assert reload(Path(proxy.folder) / MASTER)
        until(lambda: self._worker() != before, 20)

    def _worker(self) -> str:
        """Return the id of the process behind the admin socket; "" while none does."""
        with contextlib.suppress(OSError):
            found = [line for line in self.admin("show info")[0].splitlines() if line.startswith("Pid:")]
            return found[0] if found else ""
        return ""

    def ask(self, path: str = "/v1/chat/completions", size: int = 200, method: str = "POST") -> int:
        """Send one request with a key of the client's own; return the status code, 0 for a response that was cut."""
        url = f"http://127.0.0.1:{self.proxy.port}{path}"
        headers = {"Authorization": "Bearer of-the-client"}
        request = urllib.request.Request(url, b"x" * size if method == "POST" else None, headers, method=method)
        try:
            with _plain().open(request, timeout=60) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, http.client.HTTPException):
            return 0

    def connected(self, path: str) -> socket.socket:
        """Send a request, and return its connection."""
        found = socket.create_connection(("127.0.0.1", self.proxy.port), 20)
        found.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        return found

    def load(self, count: int, at_once: int, meanwhile: Callable[[], object] | None = None) -> Counter[int]:
        """Send so many requests from so many threads; return how many had each status code."""
        left, results = iter(range(count)), list[int]()

        def client() -> None:
            for _ in left:
                results.append(self.ask())

        threads = [threading.Thread(target=client) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        if meanwhile is not None:
            until(lambda: len(results) >= at_once, 20)
            meanwhile()
        for thread in threads:
            thread.join()
        return Counter(results)

    def admin(self, *commands: Secret | str) -> list[str]:
        """Send each command to the admin socket; return the responses."""
        found = []
        for command in commands:
            text = command.reveal() if isinstance(command, Secret) else command
            with socket.socket(socket.AF_UNIX) as admin:
                admin.connect(f"{self.proxy.folder}/admin.sock")
                admin.sendall(text.encode() + b"\n")
                with admin.makefile() as answer:
                    found.append(answer.read().strip())
        return found

    def up(self) -> set[str]:
        """Return the names of the servers that get requests: up, and neither drained nor disabled."""
        _, names, *rows = self.admin("show servers state llm")[0].splitlines()
        columns = names.removeprefix("# ").split()
        found = [dict(zip(columns, row.split(), strict=True)) for row in rows]
        return {row["srv_name"] for row in found if row["srv_op_state"] == "2" and row["srv_admin_state"] == "0"}


def write(proxy: Proxy) -> Path:
    """Write the files of a proxy; return the path of its configuration."""
    for name, content in files(proxy).items():
        (Path(proxy.folder) / name).write_text(content.reveal())
    return Path(proxy.folder) / CONFIG


@contextlib.contextmanager
def running(servers: Iterable[ProxyServer], up: int | None = None) -> Iterator[Running]:
    """Run HAProxy before these servers, once so many of them (all) have passed a check."""
    assert HAPROXY is not None
    servers = tuple(servers)
    with tempfile.TemporaryDirectory(prefix="ert-proxy-") as folder:
        proxy = Proxy(free_port(), folder, servers)
        config = write(proxy)
        with (Path(folder) / "log").open("w") as log:
            command = [HAPROXY, "-W", "-S", f"{folder}/{MASTER},mode,600", "-f", str(config)]
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            try:
                found = Running(proxy, process)
                until(lambda: (Path(folder) / "admin.sock").exists() or process.poll() is not None, 10)
                assert process.poll() is None, (Path(folder) / "log").read_text()
                until(lambda: len(found.up()) == (len(servers) if up is None else up), 20)
                yield found
            finally:
                process.terminate()
                process.wait(10)


def _plain() -> urllib.request.OpenerDirector:
    """Return an opener that uses no proxy of the environment."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
