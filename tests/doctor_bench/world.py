"""World: a sandbox with the shipped images on loopback, and an operator's folder with config and state in it.

Everything is real but the two providers: the command line, the guard with backend and engine, the app under gunicorn.
Provider time runs 60 times faster than the clock on the wall; the guard's own limits are far away in it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from ert_deploy.sandbox.registry.server import Registry
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.app_folder import AppOrder
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.file import WorldError, WorldFile

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "configs" / "sandbox.yaml"
SPEED = 60.0
STARTS = 3  # of a sandbox, before its world counts as not made
KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH")
CHANGES = {
    "speed: 20 ": "speed: 60 ",
    "idle_stop: 2h ": "idle_stop: 24h ",
    "boot_deadline: 2h ": "boot_deadline: 24h ",
    "max_lifetime: 12h ": "max_lifetime: 48h ",
}
ENDED = ("live", "build_failed", "update_failed", "pre_deploy_failed", "canceled", "deactivated")
# Without it, root's processes respect the modes of files as those of anybody else do.
PLAIN = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
# The user's own app of docs/sandbox.md, with and without the fingerprint, and with a login before it.
APP_HEAD = "import os\nfrom flask import Flask, redirect\n\napp = Flask(__name__)\n\n\n"
APP = APP_HEAD + (
    '@app.get("/health")\ndef health():\n    name = "ERT_LLM_CONFIG_FINGERPRINT"\n'
    '    return {"backend": os.environ.get("ERT_LLM_BACKEND_URL"), "fingerprint": os.environ.get(name)}\n'
)
APP_OF_LAST_WEEK = APP_HEAD + '@app.get("/health")\ndef health():\n    return {"status": "ok"}\n'
APP_WITH_LOGIN = APP_HEAD + (
    '@app.before_request\ndef guard():\n    return redirect("/login")\n\n\n@app.get("/health")\ndef health():\n'
    '    return {"fingerprint": None}\n'
)


@dataclass(frozen=True, slots=True)
class Ended:
    """Result of a command: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class World:
    """One sandbox and one operator. Use it as a context manager; `own_app` runs a small Flask app as the app."""

    def __init__(self, folder: Path, *, own_app: bool = False) -> None:
        self.folder = folder.absolute()
        self.config = self.folder / "mine.yaml"
        self.state = self.folder / ".ert" / "ert-sandbox.json"
        self.directory = self.folder / ".ert" / "sandbox"
        self.own_app = own_app
        self.extra: dict[str, str] = {}
        self.before: tuple[str, ...] = ()
        self._ends = contextlib.ExitStack()
        self._started: list[subprocess.Popen[str]] = []
        self._file: WorldFile | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = SAMPLE.read_text()
        for old, new in CHANGES.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self.config.write_text(text)
        order = None
        if self.own_app:
            self.write_app(APP)
            order = AppOrder(str(self.folder / "app"), "ert-dashboard", health="/health")
        self._ends.callback(daemon.stop, self.directory)
        self._file = self._started_with(order)
        return self

    def _started_with(self, order: AppOrder | None) -> WorldFile:
        """Start the sandbox; again on a busy computer, where its first deploy may be too slow for the health check."""
        for _ in range(STARTS - 1):
            with contextlib.suppress(WorldError):
                return daemon.start(self.directory, SPEED, model="toy", app=order)
            with contextlib.suppress(WorldError):
                daemon.stop(self.directory)
        return daemon.start(self.directory, SPEED, model="toy", app=order)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process of this world, in reverse order of their start."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._started.clear()
        self._ends.close()

    @property
    def file(self) -> WorldFile:
        """The sandbox's address book, as it was at the start."""
        assert self._file is not None, "use the world as a context manager"
        return self._file

    def _environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return kept | {"ERT_CONFIG": str(self.config)} | self.extra

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start one command of ert-deploy in the background; `close` ends it."""
        process = subprocess.Popen(
            [*self.before, sys.executable, "-m", "ert_deploy.cli", *args],
            cwd=self.folder,
            env=self._environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, *args: str, seconds: float = 150, code: int | None = None) -> Ended:
        """Run one command; after that time it gets Ctrl-C. Raises AssertionError if its exit code is not `code`."""
        process = self.start(*args)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        self._started.remove(process)
        assert code in (None, process.returncode), f"{args}: exit code {process.returncode}\n{out}\n{err}"
        return Ended(process.returncode, out, err)

    def up(self) -> None:
        """Bring the deployment up, as most causes need it."""
        self.run("up", code=0)

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        """Wait until it holds. Raises AssertionError after that time."""
        end, pause = time.monotonic() + seconds, threading.Event()
        while not holds():
            assert time.monotonic() < end, "it did not happen in time"
            pause.wait(0.1)

    def pause(self, seconds: float) -> None:
        """Let so much of the provider's time pass."""
        threading.Event().wait(seconds / SPEED)

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the control API of the sandbox."""
        return ask(self.file, method, path, body)

    def trouble(self, kind: str, provider: str = "vast", **fields: Any) -> None:
        """Switch one kind of fault on, as `ert-deploy sandbox break` does."""
        self.control("POST", "/trouble", {"provider": provider, "kind": kind, **fields})

    def calm(self, kind: str, provider: str = "vast") -> None:
        """Switch one kind of fault off."""
        self.trouble(kind, provider, end=True)

    def faults(self, provider: str, *operations: str, **fields: Any) -> None:
        """Make every call of these operations fail in this way, until `clear_faults`."""
        for operation in operations:
            body = {"provider": provider, "operation": operation, "count": 10**6, **fields}
            self.control("POST", "/faults", body)

    def clear_faults(self, provider: str) -> None:
        """End all faults of a double."""
        self.control("POST", "/faults", {"provider": provider, "clear": True})

    def vast(self, method: str, path: str, body: Any = None) -> Any:
        """Call Vast's API with the account's key, as the console does; again after a 429."""
        url, key = f"{self.file.vast_url}/api/v0/{path}", {"Authorization": f"Bearer {self.file.vast_key}"}
        for _ in range(20):
            answer = requests.request(method, url, json=body, headers=key, timeout=10)
            if answer.status_code != requests.codes.too_many_requests:
                break
            self.pause(6)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def render(self, method: str, path: str, body: Any = None) -> Any:
        """Call Render's API with the key, as its dashboard does; `path` begins after the service, or with `/`."""
        base = self.file.render_url
        url = f"{base}{path}" if path.startswith("/") else f"{base}/services/{self.file.service_id}/{path}".rstrip("/")
        key = {"Authorization": f"Bearer {self.file.render_key}"}
        answer = requests.request(method, url, json=body, headers=key, timeout=10)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def machines(self) -> list[dict[str, Any]]:
        """Return all existing instances as Vast sees them."""
        rows: list[dict[str, Any]] = self.control("GET", "/state")["machines"]
        return rows

    @property
    def machine(self) -> int:
        """The id of the newest instance."""
        return int(self.machines()[-1]["id"])

    def status_of(self, machine: int) -> str | None:
        """Return the `actual_status` of an instance."""
        return next((row["actual_status"] for row in self.machines() if row["id"] == machine), "gone")

    def disk(self, machine: int) -> Path:
        """Return the folder that is the disk of an instance."""
        return self.directory / "vast" / "instances" / str(machine) / "disk"

    def variables(self) -> dict[str, str]:
        """Return every variable of the service."""
        rows = self.render("GET", "env-vars?limit=100")
        return {row["envVar"]["key"]: row["envVar"]["value"] for row in rows}

    def set_variable(self, name: str, value: str) -> None:
        """Set one variable of the app, without a deploy."""
        self.render("PUT", f"env-vars/{name}", {"value": value})

    def deploys(self) -> list[dict[str, Any]]:
        """Return the deploys of the app, newest first."""
        return [row["deploy"] for row in self.render("GET", "deploys?limit=20")]

    def deploy(self, *, rollback_to: str = "") -> None:
        """Deploy the app by hand, or roll it back, and wait for the end."""
        if rollback_to:
            self.render("POST", "rollback", {"deployId": rollback_to})
        else:
            self.render("POST", "deploys", {})
        self.until(lambda: self.deploys()[0]["status"] in ENDED, 90)

    def add_service(self, name: str) -> None:
        """Make another service at Render, with an app of its own, and wait until it is live."""
        body = {"type": "web_service", "name": name, "ownerId": self.render("GET", "")["ownerId"]}
        made = self.render("POST", "/services", body)
        path = f"/services/{made['service']['id']}/deploys/{made['deployId']}"
        self.until(lambda: self.render("GET", path)["status"] == "live", 90)

    def health(self) -> dict[str, Any]:
        """Return what the running app reports of itself; empty if nothing."""
        try:
            answer = requests.get(f"{self.file.app_url}/health", timeout=10, allow_redirects=False)
            said: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError):
            return {}
        return said

    def write_app(self, text: str) -> None:
        """Write the user's own app, which the next deploy runs."""
        (self.folder / "app").mkdir(exist_ok=True)
        (self.folder / "app" / "app.py").write_text(text)

    def rewrite(self, old: str, new: str) -> None:
        """Edit the config."""
        text = self.config.read_text()
        assert text.count(old) == 1, f"{text.count(old)} of {old!r}"
        self.config.write_text(text.replace(old, new))

    def keys(self, **fields: Any) -> None:
        """Change fields of the address book, from which ert-deploy reads keys and clock (`vast_key`, `render_key`)."""
        path = self.directory / "world.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    def limited_key(self, *rights: str) -> int:
        """Give ert-deploy a key of the account with these rights only; return the key's id."""
        body = {"name": "limited", "permissions": {"api": {name: {} for name in rights}}}
        made = self.vast("POST", "auth/apikeys/", body)
        self.keys(vast_key=made["key"])
        return int(made["id"])

    def rent(self, label: str, env: Mapping[str, str], *, image: str = "their/image:1") -> int:
        """Rent an instance behind the back of ert-deploy, as a script or the console does."""
        free = {"limit": 40, "rented": {"eq": False}}
        offer = self.vast("POST", "bundles/", free)["offers"][-1]
        body = {"client_id": "me", "image": image, "env": dict(env), "disk": 10, "label": label, "runtype": "args"}
        return int(self.vast("PUT", f"asks/{offer['id']}/", body)["new_contract"])

    def reboot(self, machine: int) -> None:
        """Restart the container in the console, and wait until its backend accepts connections again."""
        before = self.pids(machine, "guard")
        self.vast("PUT", f"instances/reboot/{machine}/", {})
        self.until(lambda: self.pids(machine, "guard") not in ([], before), 60)
        self.until(lambda: self.accepts(machine), 60)

    def address(self, machine: int) -> tuple[str, int] | None:
        """Return the address and port of a machine as Vast lists them; None without a port."""
        row = next(one for one in self.machines() if one["id"] == machine)
        ports = [mapped["HostPort"] for rows in (row["ports"] or {}).values() for mapped in rows]
        return (str(row["public_ipaddr"]).strip(), int(ports[0])) if ports else None

    def accepts(self, machine: int) -> bool:
        """Whether the backend of a machine accepts connections."""
        address = self.address(machine)
        try:
            with socket.create_connection(address or ("", 0), 2):
                return address is not None
        except OSError:
            return False

    def serves(self, machine: int) -> bool:
        """Whether the backend of a machine says of itself that it is healthy; its certificate is not checked."""
        address = self.address(machine)
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        try:
            with contextlib.closing(
                http.client.HTTPSConnection(*(address or ("", 0)), context=anyone, timeout=5)
            ) as to:
                to.request("GET", "/health")
                return bool(json.load(to.getresponse())["status"] == "healthy")
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return False

    def unhealthy(self) -> bool:
        """Whether the backend itself reports that it cannot serve."""
        return "unhealthy" in self.run("status").out

    def pids(self, machine: int, word: str) -> list[int]:
        """Return the processes of a machine whose command line has this word: `guard`, `ert_backend`, `ollama`."""
        book = json.loads((self.directory / "vast" / "vast-processes.json").read_text())
        leaders = [int(row["pid"]) for row in book if str(machine) in map(str, row.values())]
        return [pid for leader in leaders for pid in (leader, *_children(leader)) if word in _command(pid)]

    def freeze(self, machine: int, word: str) -> None:
        """Stop processes of a machine with SIGSTOP, so that they hold their ports and never respond."""
        pids = self.pids(machine, word)
        assert pids, f"no process of {machine} has {word}"
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    def registry(self, login: str = "", public: frozenset[str] = frozenset()) -> Registry:
        """Start a registry of images on loopback, which `close` ends."""
        return self._ends.enter_context(Registry(login, "token", public))

    def without_root(self) -> None:
        """Run the next commands without root's exemption from the modes of files."""
        if os.geteuid() == 0:
            assert shutil.which(PLAIN[0]), "needs setpriv (util-linux) when run as root"
            self.before = PLAIN


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
