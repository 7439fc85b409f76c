"""The servers under test: the backend as started on a machine, over TLS, and the same `edge` without TLS.

Both are separate processes with a scripted Ollama. `python -m tests.abuse.stage` is the one without TLS.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from ert_backend.base.clock import utc_now
from ert_backend.base.logs import to_stdout
from ert_backend.edge.identity import ensure
from ert_backend.edge.key_store import admin_token
from ert_backend.engine.choose import opened
from ert_backend.service import assemble
from ert_backend.serving import server
from ert_backend.settings import load
from tests.abuse.inputs import GOOD, MARK, OLD
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama

ROOT = Path(__file__).parents[2]
BOOT_SECRET = hashlib.sha256(b"abuse").hexdigest()
SECRETS = (GOOD, OLD, BOOT_SECRET, admin_token(bytes.fromhex(BOOT_SECRET)))


@dataclass(frozen=True, slots=True)
class Stage:
    """Both servers, ready. `folders` contain their files, logs included."""

    tls_port: int
    plain_port: int
    context: ssl.SSLContext
    folders: tuple[Path, ...]

    def counter(self, name: str) -> float:
        """Return a metric, summed over both servers and all labels."""
        total = 0.0
        for url in (f"https://127.0.0.1:{self.tls_port}", f"http://127.0.0.1:{self.plain_port}"):
            text = _call(self, "GET", f"{url}/metrics", GOOD).text
            total += sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))
        return total

    def leaks(self) -> list[str]:
        """Return the server files that contain a canary or a secret: raw, as hex, or in base64."""
        written = [path for folder in self.folders for path in folder.rglob("*") if path.is_file()]
        metrics = [_call(self, "GET", f"https://127.0.0.1:{self.tls_port}/metrics", GOOD).content]
        texts = {str(path): path.read_bytes() for path in written} | {"/metrics": b"".join(metrics)}
        return [name for name, text in texts.items() if any(needle in text for needle in _needles())]


def _needles() -> list[bytes]:
    raw = [secret.encode() for secret in SECRETS]
    return [MARK.encode(), *raw, *(base64.b64encode(text)[:-4] for text in raw), *(text.hex().encode() for text in raw)]


def _call(stage: Stage, method: str, url: str, key: str, **more: object) -> httpx.Response:
    with httpx.Client(verify=stage.context, trust_env=False, timeout=20) as client:
        return client.request(method, url, headers={"Authorization": f"Bearer {key}"}, **more)  # type: ignore[arg-type]


@contextlib.contextmanager
def stage(folder: Path, chat: Callable[[Line], Iterable[Line]] | None = None) -> Iterator[Stage]:
    """Start both servers, rotate OLD out so that it is a formerly valid key, and stop them at the end.

    `chat`: the model output, by default one plain sentence.
    """
    with ScriptedOllama() as ollama, contextlib.ExitStack() as stack:
        ollama.chat = chat or ollama.chat
        tls_port, plain_port = free_port(), free_port()
        folders = (folder / "tls", folder / "plain")
        stack.enter_context(process("ert_backend", folders[0], tls_port, ollama.host))
        stack.enter_context(process("tests.abuse.stage", folders[1], plain_port, ollama.host))
        pem = until(lambda: folders[0] / "tls-cert.pem" if (folders[0] / "tls-cert.pem").exists() else None)
        ready = Stage(tls_port, plain_port, ssl.create_default_context(cafile=str(pem)), folders)
        change = {"generation": 1, "hashes": [hashlib.sha256(GOOD.encode()).hexdigest()]}
        for url in (f"https://127.0.0.1:{tls_port}", f"http://127.0.0.1:{plain_port}"):
            until(partial(_healthy, ready, url))
            assert _call(ready, "PUT", f"{url}/admin/keys", SECRETS[3], json=change).status_code == 200
        yield ready


def _healthy(ready: Stage, url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return _call(ready, "GET", f"{url}/health", GOOD).status_code == 200
    return False


def until(condition: Callable[[], Path | bool | None], seconds: float = 30.0) -> Path | bool:
    """Poll until the first true value."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if value := condition():
            return value
        pause.wait(0.05)
    raise AssertionError("the backend did not come up")


def free_port() -> int:
    """Return an unused port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(module: str, folder: Path, port: int, ollama: str) -> Iterator[None]:
    """Run a server on `folder`, stopped by SIGTERM; it must not exit by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ERT_")},
        "PYTHONPATH": f"{ROOT}:{ROOT / 'images' / 'llm-backend'}",
        "ERT_DEPLOYMENT": "ert",
        "ERT_TOKEN": "0123456789abcdef0123456789abcdef",
        "ERT_SPEC": "0123456789abcdef",
        "ERT_KEY_HASHES": hashlib.sha256(OLD.encode()).hexdigest(),
        "ERT_BOOT_SECRET": BOOT_SECRET,
        "ERT_MODEL": "gpt-oss:20b",
        "PUBLIC_IPADDR": "127.0.0.1",
        "ERT_BIND": f"127.0.0.1:{port}",
        "ERT_DATA_DIR": str(folder),
        "OLLAMA_HOST": ollama,
        # higher than the default: thousands of these inputs use the same valid key
        "ERT_KEY_RATE": "100000",
        # as many as wait at once here, so that no report is rejected
        "ERT_QUEUE_LIMIT": "100",
    }
    with (folder / "stdout.log").open("ab") as log:
        running = subprocess.Popen([sys.executable, "-m", module], env=env, stdout=log, stderr=log, cwd=ROOT)
        try:
            yield
            assert running.poll() is None, f"{module} ended with {running.returncode}"
        finally:
            running.terminate()
            running.wait(20)


async def plain() -> None:
    """Run the `edge` without TLS until SIGTERM."""
    settings = load(os.environ)
    async with opened(settings) as engine:
        identity = ensure(settings.data_dir, settings.deployment, settings.public_ip, utc_now())
        service = assemble(settings, identity, engine)
        await server(settings, None, service).serve()


if __name__ == "__main__":
    to_stdout()
    asyncio.run(plain())
