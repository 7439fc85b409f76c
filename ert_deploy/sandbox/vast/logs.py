"""Container logs and the few allowed remote commands; both are downloaded later from a `result_url`.

The real result is in object storage: without authentication, and missing until it is written. Sources: Vast OpenAPI
(`show_logs`, `execute`), and the polling of the SDK (30 attempts, 0.3 s apart).
"""

from __future__ import annotations

import secrets
import shlex
import shutil
from pathlib import Path

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.serialize import tells
from ert_deploy.sandbox.vast.wire import Refusal, body_of, instance_id, success

MAX_COMMAND = 512
DEFAULT_TAIL = 1000


class Results:
    """Results under random names, each available from a given time on. `base` is the base of their URLs."""

    def __init__(self) -> None:
        self.base = ""
        self._texts: dict[str, tuple[float, str]] = {}

    def put(self, text: str, ready: float) -> str:
        """Store a text and return its URL."""
        name = f"{secrets.token_hex(32)}.log"
        self._texts[name] = (ready, text)
        return f"{self.base}/instance_logs/{name}"

    def get(self, name: str, now: float) -> Reply:
        """Return the text, or the error of object storage for an unknown name."""
        ready, text = self._texts.get(name, (float("inf"), ""))
        if now < ready:
            return Reply.text("<Error><Code>NoSuchKey</Code></Error>", 404, "application/xml")
        return Reply.text(text)


def request_logs(estate: Estate, results: Results, request: Request) -> Reply:
    """Request the last `tail` lines of the container's log that contain `filter`."""
    contract = estate.get(instance_id(request))
    if contract is None:
        raise Refusal(404, "invalid_id", "Invalid instance id.")
    body = body_of(request)
    lines = _daemon(contract) if body.get("daemon_logs") else _lines(estate.machines.log(contract.id))
    for text in tells(contract, estate.troubles):
        lines += f"variable: {text}".splitlines()
    wanted = str(body.get("filter") or "")
    found = [line for line in lines if wanted in line]
    text = "".join(f"{line}\n" for line in found[-_tail(body.get("tail")) :])
    return success(result_url=results.put(text, estate.clock.now() + estate.options.pace.logs), msg="")


def _tail(value: object) -> int:
    try:
        return max(1, int(str(value))) if value is not None else DEFAULT_TAIL
    except ValueError:
        raise Refusal(400, "invalid_args", "tail must be a number") from None


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _daemon(contract: Contract) -> list[str]:
    return [f"{at:.0f} {status}" for at, status in contract.history]


def execute(estate: Estate, results: Results, request: Request) -> Reply:
    """Run `ls`, `du` or `rm` on the disk of the instance, which may be stopped."""
    contract = estate.get(instance_id(request))
    if contract is None:
        raise Refusal(400, "invalid_container_id", "Invalid container id.")
    command = body_of(request).get("command")
    if not isinstance(command, str) or len(command) > MAX_COMMAND:
        raise Refusal(400, "invalid_args", "Invalid command given.")
    text = _run(command, estate.machines.disk(contract.id))
    url = results.put(text, estate.clock.now() + estate.options.pace.logs)
    msg = "Command is executing, wait a few seconds and then view the result_url"
    return success(result_url=url, writeable_path="/", msg=msg)


def _run(command: str, disk: Path) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words or words[0] not in ("ls", "du", "rm"):
        raise Refusal(400, "invalid_args", "Invalid command given.")
    paths = [word for word in words[1:] if not word.startswith("-")] or ["."]
    return "".join(_on_path(words[0], disk, path) for path in paths)


def _on_path(verb: str, disk: Path, path: str) -> str:
    target = (disk / path.lstrip("/")).resolve()
    if not target.is_relative_to(disk.resolve()) or not target.exists():
        return f"{verb}: cannot access '{path}': No such file or directory\n"
    if verb == "ls":
        entries = sorted(target.iterdir()) if target.is_dir() else [target]
        return "".join(f"{entry.name}\n" for entry in entries)
    if verb == "du":
        total = sum(entry.stat().st_size for entry in target.rglob("*") if entry.is_file())
        return f"{total // 1024}\t{path}\n"
    if target == disk.resolve():
        return f"rm: refusing to remove '{path}'\n"
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return ""
